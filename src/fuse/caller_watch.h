// SPDX-License-Identifier: MIT
//
// Looks after callers that wait for long, on the notifier's thread: for a flock(2) lock, or for a
// call that can be ended. The kernel would tell of a signal by FUSE_INTERRUPT, which is switched
// off (it costs each request a lock of the whole session, and does not come over io_uring).

#ifndef OVERPASS_FUSE_CALLER_WATCH_H_
#define OVERPASS_FUSE_CALLER_WATCH_H_

#include <chrono>
#include <functional>
#include <optional>

#include "fuse/notifier.h"

namespace overpass::fuse {

/// Threads: any.
class CallerWatch {
 public:
  /// Looks at all callers once. Returns when to look again; nothing when no caller waits.
  using Attend = std::function<std::optional<std::chrono::milliseconds>()>;

  /// `delay`: until the first look, and until the next one after a look that found no memory. The
  /// notifier and what `attend` uses outlive this.
  CallerWatch(Notifier& notifier, std::chrono::milliseconds delay, Attend attend);
  ~CallerWatch();
  CallerWatch(const CallerWatch&) = delete;
  CallerWatch& operator=(const CallerWatch&) = delete;

  /// A caller waits from now on. Needs no memory.
  void begin() { notifier_.ask_for(attending_, delay_); }

 private:
  void look();

  Notifier& notifier_;
  const std::chrono::milliseconds delay_;
  const Attend attend_;
  Chore attending_{[this] { look(); }};
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_CALLER_WATCH_H_
