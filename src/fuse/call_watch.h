// SPDX-License-Identifier: MIT
//
// Looks after callers of calls that can be ended, on the notifier's thread, as long as one is
// under way.

#ifndef OVERPASS_FUSE_CALL_WATCH_H_
#define OVERPASS_FUSE_CALL_WATCH_H_

#include "fuse/notifier.h"
#include "overlay/state/killable_calls.h"

namespace overpass::fuse {

class CallWatch {
 public:
  /// Both references outlive this.
  CallWatch(overlay::KillableCalls& calls, Notifier& notifier);
  /// REQUIRES: no call is under way.
  ~CallWatch();
  CallWatch(const CallWatch&) = delete;
  CallWatch& operator=(const CallWatch&) = delete;

 private:
  void attend();

  overlay::KillableCalls& calls_;
  Notifier& notifier_;
  Chore attending_{[this] { attend(); }};
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_CALL_WATCH_H_
