// SPDX-License-Identifier: MIT
//
// Tells the kernel about attributes that changed without its knowledge. It then asks for them, and
// drops its pages of a file whose size is another. Pages are never invalidated by a notification:
// that waits until the daemon has written the changed ones, and if the daemon dies meanwhile,
// nobody ever ends the wait, since the thread that waits holds the connection.

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
  /// A node that no request keeps in the kernel's memory may be leaving it just now and wait for
  /// the daemon: so this is done by a thread for which no request waits.
  void attributes_changed_later(overlay::NodeId node) override;

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
