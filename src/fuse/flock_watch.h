// SPDX-License-Identifier: MIT
//
// Looks after callers that wait for a flock(2) lock, on the notifier's thread: it ends the wait of
// one that got a signal. The kernel would tell by FUSE_INTERRUPT, which is switched off (it costs
// each request a lock of the whole session, and does not come over io_uring).

#ifndef OVERPASS_FUSE_FLOCK_WATCH_H_
#define OVERPASS_FUSE_FLOCK_WATCH_H_

#include "fuse/notifier.h"
#include "overlay/state/flocks.h"

namespace overpass::fuse {

/// Threads: any.
class FlockWatch {
 public:
  /// Both references outlive this.
  FlockWatch(overlay::Flocks& flocks, Notifier& notifier);
  /// Answers all that wait with EINTR.
  ~FlockWatch();
  FlockWatch(const FlockWatch&) = delete;
  FlockWatch& operator=(const FlockWatch&) = delete;

  /// A request waits from now on.
  void has_to_wait() { notifier_.ask_for(attending_, overlay::Flocks::kReleaseDelay); }

 private:
  void attend();

  overlay::Flocks& flocks_;
  Notifier& notifier_;
  Chore attending_{[this] { attend(); }};
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_FLOCK_WATCH_H_
