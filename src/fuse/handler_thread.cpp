// SPDX-License-Identifier: MIT
//
// One object per thread, whose destruction is the end of the thread.

#include "fuse/handler_thread.h"

#include <pthread.h>

#include "fuse/daemon.h"
#include "fuse/request.h"

namespace overpass::fuse {

namespace {

struct HandlerThread {
  Daemon* daemon = nullptr;

  ~HandlerThread() {
    if (daemon != nullptr && daemon->negotiated.io_uring) daemon->workers->wait_until_idle();
  }
};

thread_local HandlerThread this_thread;

}  // namespace

void enter_handler_thread(fuse_req_t request) {
  if (this_thread.daemon != nullptr) return;
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
  this_thread.daemon = &daemon_of(request);
}

}  // namespace overpass::fuse
