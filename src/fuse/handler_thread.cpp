// SPDX-License-Identifier: MIT
//
// One object per thread; it is destroyed when the thread ends.

#include "fuse/handler_thread.h"

#include <pthread.h>

#include "fuse/daemon.h"
#include "fuse/request.h"

namespace overpass::fuse {

namespace {

struct HandlerThread {
  bool is_entered = false;
  Daemon* queue_of = nullptr;  ///< Set for a thread of an io_uring queue.

  ~HandlerThread() {
    if (queue_of == nullptr) return;
    // In this order: what the engine refuses goes to the workers, and nothing comes back from
    // there.
    queue_of->overlay.transfers.wait_until_idle();
    queue_of->workers->wait_until_idle();
  }
};

thread_local HandlerThread this_thread;

}  // namespace

void enter_handler_thread(fuse_req_t request) {
  if (this_thread.is_entered) return;
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
  this_thread.is_entered = true;
  if (fuse_req_is_uring(request)) this_thread.queue_of = &daemon_of(request);
}

Gate& gate_of(fuse_req_t request) { return daemon_of(request).gate; }

}  // namespace overpass::fuse
