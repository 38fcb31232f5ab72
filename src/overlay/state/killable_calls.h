// SPDX-License-Identifier: MIT
//
// System calls that the file system ends and undoes when the thread that makes them is killed, as
// fallocate(2) on tmpfs. A signal to the caller ends nothing by itself, since the caller waits for
// the daemon's answer. So the caller is polled while the call lasts.

#ifndef OVERPASS_OVERLAY_STATE_KILLABLE_CALLS_H_
#define OVERPASS_OVERLAY_STATE_KILLABLE_CALLS_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/result.h"
#include "sys/child_call.h"

namespace overpass::overlay {

/// Threads: any.
class KillableCalls {
 public:
  /// How often callers are looked at.
  static constexpr std::chrono::milliseconds kLookDelay{100};

  KillableCalls() = default;
  KillableCalls(const KillableCalls&) = delete;
  KillableCalls& operator=(const KillableCalls&) = delete;

  /// `begun` runs when a call is under way, on the thread that makes the call. From then on
  /// attend() must be called. `begun` must neither wait nor throw. REQUIRES: no call is under way.
  void when_begun(std::function<void()> begun) { begun_ = std::move(begun); }

  /// Makes `call` for the thread `caller` (0: unknown). EINTR when that thread is being killed. May
  /// throw std::bad_alloc before the call is made. Blocking.
  Result<void> make(pid_t caller, sys::ChildCall& call);

  /// Ends the calls of callers that are being killed. Returns the time until the next attend();
  /// nothing when no call is under way.
  std::optional<std::chrono::milliseconds> attend();

 private:
  struct UnderWay {
    pid_t caller;
    sys::ChildCall* call;  ///< As long as it is here.
  };

  uint64_t begin(const UnderWay& one);
  void end(uint64_t number);
  /// The first one beyond `number`.
  std::optional<std::pair<uint64_t, pid_t>> next_caller(uint64_t number) const;
  void kill(uint64_t number);

  std::function<void()> begun_;
  mutable Mutex<LockRank::Queue> mutex_;
  std::map<uint64_t, UnderWay> calls_ GUARDED_BY(mutex_);  ///< By number, from 1 on.
  uint64_t last_number_ GUARDED_BY(mutex_) = 0;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_KILLABLE_CALLS_H_
