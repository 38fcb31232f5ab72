// SPDX-License-Identifier: MIT
//
// Start and end of the threads on which libfuse runs handlers.
//
// libfuse cancels its threads when the session ends. Those of its io_uring queues can be cancelled
// while they run a handler, and unwinding C++ that way ends the process (a destructor that closes a
// descriptor is a cancellation point). When such a thread has ended, its queue is freed with all
// requests that came by it, also those that workers have not answered yet.

#ifndef OVERPASS_FUSE_HANDLER_THREAD_H_
#define OVERPASS_FUSE_HANDLER_THREAD_H_

#include "fuse/libfuse.h"

namespace overpass::fuse {

class Gate;

/// Call this before any work for a request on this thread. From the first call on, the thread
/// cannot be cancelled unless cancellation is enabled again. A thread of an io_uring queue then
/// ends only when the workers and transfers are idle.
void enter_handler_thread(fuse_req_t request);

/// What the thread has to pass before it works on the union.
Gate& gate_of(fuse_req_t request);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_HANDLER_THREAD_H_
