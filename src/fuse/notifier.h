// SPDX-License-Identifier: MIT
//
// Tells the kernel about attributes that changed without its knowledge, and what it may forget. It
// then asks for them, and drops its pages of a file whose size is another. Pages are never
// invalidated by a notification: that waits until the daemon has written the changed ones, and if
// the daemon dies meanwhile, nobody ever ends the wait, since the thread that waits holds the
// connection.

#ifndef OVERPASS_FUSE_NOTIFIER_H_
#define OVERPASS_FUSE_NOTIFIER_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "fuse/libfuse.h"
#include "overlay/state/overlay.h"

namespace overpass::fuse {

/// Work that the notifier's thread does from time to time, besides.
class Chore {
 public:
  explicit Chore(std::function<void()> work) : work_(std::move(work)) {}

 private:
  friend class Notifier;
  using Clock = std::chrono::steady_clock;

  const std::function<void()> work_;
  Clock::time_point due_ = Clock::time_point::max();  ///< Guarded by the notifier's mutex.
};

/// Threads: any.
class Notifier {
 public:
  explicit Notifier(fuse_session* session);
  /// What is still queued is dropped: the mount is gone.
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  /// As overlay::Mount says.
  void attributes_changed(overlay::NodeId node);
  /// A node that no request keeps in the kernel's memory may be leaving it just now and wait for
  /// the daemon: so this is done by a thread for which no request waits.
  void attributes_changed_later(overlay::NodeId node);

  /// Asks the kernel to forget nodes. Those that are in use there stay; FORGETs tell of the others.
  /// EINVAL before Linux 6.18. Only for the notifier's thread: the kernel may have to write pages
  /// of these nodes back first, that is, to wait for the daemon.
  Result<void> forget_idle(std::span<const overlay::NodeId> nodes);

  /// `chore` may be asked for until it is removed, which waits until it is not being done.
  void add(Chore& chore);
  void remove(Chore& chore);
  /// Has it done once, in `delay` or earlier if that was asked for. Needs no memory.
  void ask_for(Chore& chore, std::chrono::milliseconds delay);

 private:
  void run();
  void do_chore(std::unique_lock<Mutex<LockRank::Queue>>& lock, Chore& chore);
  /// The one that is due first; null if none is.
  Chore* next_chore() const REQUIRES(mutex_);

  fuse_session* const session_;
  Mutex<LockRank::Queue> mutex_;
  std::condition_variable_any wake_;
  std::deque<overlay::NodeId> queue_ GUARDED_BY(mutex_);
  std::vector<Chore*> chores_ GUARDED_BY(mutex_);
  const Chore* current_ GUARDED_BY(mutex_) = nullptr;  ///< Being done.
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_NOTIFIER_H_
