// SPDX-License-Identifier: MIT
//
// An io_uring: the kernel's queue of things to do and of things done. RAII and the few calls that
// the engine needs; for one thread only, the one that opened it.

#ifndef OVERPASS_IO_RING_H_
#define OVERPASS_IO_RING_H_

#include <liburing.h>

#include <memory>

#include "base/result.h"

namespace overpass::io {

/// Threads: the one that opened it; the kernel runs its remaining work there. With one thread the
/// kernel needs no locks and interrupts no other thread with completions: a ring shared by serving
/// threads would disturb each of them in its read of /dev/fuse.
class Ring {
 public:
  /// A ring for `entries` operations that has proved to work. ENOSYS, EPERM, EACCES where it is
  /// forbidden or absent, ENOMEM; EOPNOTSUPP when it lacks an operation of the engine's. `workers`:
  /// how many of the kernel's threads may block for it.
  static Result<std::unique_ptr<Ring>> open(unsigned entries, unsigned workers);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// A cleared entry to be filled in.
  io_uring_sqe* next_entry();

  /// Hands the entries over, and waits for something to be done if `waits`. Fails only for a
  /// moment: to be called again.
  Result<void> submit(bool waits);

  /// Calls `take(user_data, result)` for all that is done. `take` may fill entries.
  template <class Take>
  void take_completions(Take take) {
    io_uring_cqe* completion = nullptr;
    while (io_uring_peek_cqe(&ring_, &completion) == 0) {
      const uint64_t user_data = completion->user_data;
      const int result = completion->res;
      io_uring_cqe_seen(&ring_, completion);
      take(user_data, result);
    }
  }

 private:
  Ring() = default;
  Result<void> prove();

  io_uring ring_ = {};
  bool is_open_ = false;
};

}  // namespace overpass::io

#endif  // OVERPASS_IO_RING_H_
