// SPDX-License-Identifier: MIT
//
// Tells the kernel about what changed without its knowledge. To invalidate attributes is safe at
// any time and done at once, so that who gets his answer afterwards sees no old ones. To invalidate
// pages waits for the requests that fill them or write them back: that is done by a thread for
// which no request waits, after the reply to the write that went elsewhere. Names never are.

#ifndef OVERPASS_FUSE_NOTIFIER_H_
#define OVERPASS_FUSE_NOTIFIER_H_

#include <condition_variable>
#include <deque>
#include <thread>

#include "base/mutex.h"
#include "fuse/libfuse.h"
#include "overlay/overlay.h"

namespace overpass::fuse {

/// Threads: any.
class Notifier : public overlay::Invalidator {
 public:
  explicit Notifier(fuse_session* session);
  /// What is still queued is dropped: the mount is gone.
  ~Notifier() override;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  void attributes_changed(overlay::NodeId node) override;
  /// Never waits for the kernel.
  void content_changed(overlay::NodeId node) override;

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
