// SPDX-License-Identifier: MIT
//
// One for each thread.

#include "overlay/state/copy_up_caller.h"

namespace overpass::overlay {

namespace {

thread_local CopyCaller caller_of_this_thread;
thread_local bool acts_for_caller_now = false;

}  // namespace

OnBehalfOf::OnBehalfOf(CopyCaller caller) {
  caller_of_this_thread = caller;
  acts_for_caller_now = true;
}

OnBehalfOf::~OnBehalfOf() {
  caller_of_this_thread = CopyCaller();
  acts_for_caller_now = false;
}

CopyCaller current_caller() { return caller_of_this_thread; }

bool acts_for_caller() { return acts_for_caller_now; }

}  // namespace overpass::overlay
