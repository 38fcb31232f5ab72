// SPDX-License-Identifier: MIT
//
// A number for each thread.

#include "overlay/copy_up_caller.h"

namespace overpass::overlay {

namespace {

thread_local pid_t caller_of_this_thread = 0;

}  // namespace

OnBehalfOf::OnBehalfOf(pid_t caller) { caller_of_this_thread = caller; }
OnBehalfOf::~OnBehalfOf() { caller_of_this_thread = 0; }

pid_t current_caller() { return caller_of_this_thread; }

}  // namespace overpass::overlay
