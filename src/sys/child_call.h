// SPDX-License-Identifier: MIT
//
// A system call that can be ended. Some calls heed deadly signals alone, as fallocate(2) on tmpfs
// does on Linux 6.18, and such a signal ends all threads of a process. So the call is made by a
// process of its own, which shares memory and descriptors with this one.

#ifndef OVERPASS_SYS_CHILD_CALL_H_
#define OVERPASS_SYS_CHILD_CALL_H_

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <utility>

#include "base/result.h"

namespace overpass::sys {

class ChildCall {
 public:
  /// `call`: one system call of this folder. It takes no lock and wants no memory, for it may end
  /// at any point.
  explicit ChildCall(std::function<Result<void>()> call) : call_(std::move(call)) {}
  ChildCall(const ChildCall&) = delete;
  ChildCall& operator=(const ChildCall&) = delete;
  /// REQUIRES: no kill() is under way.
  ~ChildCall();

  /// Makes the call, once, with the rights of this thread, and waits for its end. EINTR when the
  /// process was killed before. Where no process can be started, and under ThreadSanitizer, the
  /// call is made here, and kill() does nothing. Throws std::bad_alloc before it is made.
  Result<void> make();

  /// Ends the call, if it is under way. Any thread.
  void kill();

 private:
  static constexpr int kNone = -1;

  static int run(void* self);

  const std::function<Result<void>()> call_;
  pid_t parent_ = 0;
  /// The process; 0 before it was started. Set by the kernel before it runs.
  std::atomic<pid_t> child_ = 0;
  std::atomic<int> outcome_ = kNone;  ///< 0 or an errno; kNone before the call has ended.
};

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_CHILD_CALL_H_
