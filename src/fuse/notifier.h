// SPDX-License-Identifier: MIT
//
// Tells the kernel about attributes that changed without its knowledge. A notification sent from a
// thread that some request waits for can deadlock, so one thread of its own sends them all, after
// the replies; and only attributes are invalidated, never pages or names.

#ifndef OVERPASS_FUSE_NOTIFIER_H_
#define OVERPASS_FUSE_NOTIFIER_H_

#include <condition_variable>
#include <deque>
#include <thread>

#include "base/mutex.h"
#include "fuse/libfuse.h"
#include "overlay/overlay.h"

namespace overpass::fuse {

/// Threads: any may call attributes_changed(), which never waits for the kernel.
class Notifier : public overlay::Invalidator {
 public:
  explicit Notifier(fuse_session* session);
  /// What is still queued is dropped: the mount is gone.
  ~Notifier() override;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  void attributes_changed(overlay::NodeId node) override;

 private:
  void run();

  fuse_session* const session_;
  Mutex<LockRank::Queue> mutex_;
  std::condition_variable_any wake_;
  std::deque<overlay::NodeId> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_NOTIFIER_H_
