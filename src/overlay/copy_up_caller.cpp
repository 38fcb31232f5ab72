// SPDX-License-Identifier: MIT
//
// One for each thread.

#include "overlay/copy_up_caller.h"

namespace overpass::overlay {

namespace {

thread_local CopyCaller caller_of_this_thread;

}  // namespace

OnBehalfOf::OnBehalfOf(CopyCaller caller) { caller_of_this_thread = caller; }
OnBehalfOf::~OnBehalfOf() { caller_of_this_thread = CopyCaller(); }

CopyCaller current_caller() { return caller_of_this_thread; }

}  // namespace overpass::overlay
