// SPDX-License-Identifier: MIT
//
// Tells the kernel which attributes changed without its knowledge, and which nodes it may forget.
// The kernel then asks for the attributes again, and drops its pages of a file if the size differs.
// A notification never invalidates pages of a file: that would wait until the daemon has written
// the dirty ones. If the daemon died meanwhile the wait would never end, since the waiting thread
// holds the connection.

#ifndef OVERPASS_FUSE_NOTIFIER_H_
#define OVERPASS_FUSE_NOTIFIER_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "fuse/libfuse.h"
#include "overlay/state/overlay.h"

namespace overpass::fuse {

/// Further work for the notifier's thread, done when it is asked for.
class Chore {
 public:
  explicit Chore(std::function<void()> work) : work_(std::move(work)) {}

 private:
  friend class Notifier;
  using Clock = std::chrono::steady_clock;

  const std::function<void()> work_;
  Clock::time_point due_ = Clock::time_point::max();  ///< Guarded by the notifier's mutex.
};

/// One thread with a queue of notifications and a few chores (housekeeping for one).
///
/// Invariants:
/// 1. The notifier's thread serves no request. So it may wait for the kernel even where the kernel
///    waits for the daemon.
/// 2. A chore runs on that thread, with no lock held, and never after remove() has returned.
/// 3. What is queued is lost with the session: the mount is gone then.
///
/// Threads: any, except as forget_idle() says. attributes_changed() tells the kernel on the calling
/// thread; attributes_changed_later() and ask_for() only leave word for the notifier's. remove()
/// not from a chore. Its mutex is a leaf (rank Queue) and is not held while the kernel is told.
class Notifier {
 public:
  explicit Notifier(fuse_session* session);
  /// Drops what is still queued: the mount is gone.
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  /// As overlay::Mount says.
  void attributes_changed(overlay::NodeId node);
  /// Tells the kernel on the notifier's own thread. For a node that no request keeps in the
  /// kernel's memory: the kernel may be dropping it now and waiting for the daemon, so a thread
  /// that serves a request must not notify.
  void attributes_changed_later(overlay::NodeId node);

  /// The kernel forgets the listing of a directory, or the pages of a file that cannot be written,
  /// and the attributes. Only the notifier's thread may call this.
  void pages_changed(overlay::NodeId node);
  /// As overlay::Mount says.
  void listing_changed_later(overlay::NodeId node);

  /// The kernel may believe that the name is absent, or who has it, and is to ask. Only the
  /// notifier's thread may call this: the kernel may have to wait for requests about the directory.
  void name_appeared(overlay::NodeId directory, std::string_view name);

  /// Asks the kernel to forget nodes. Nodes in use stay; FORGET requests report the others. EINVAL
  /// before Linux 6.18. Only the notifier's thread may call this: the kernel may first write back
  /// pages of these nodes, which waits for the daemon.
  Result<void> forget_idle(std::span<const overlay::NodeId> nodes);

  /// Waits until the kernel has been told what is queued, `patience` at the most.
  void settle(std::chrono::milliseconds patience);

  /// Whether the kernel has the node. Changes nothing. Only the notifier's thread may call this.
  bool is_known(overlay::NodeId node);

  /// `chore` may be asked for until it is removed. remove() waits while it runs.
  void add(Chore& chore);
  void remove(Chore& chore);
  /// Runs it once after `delay`, or earlier if an earlier time was asked for. Needs no memory.
  void ask_for(Chore& chore, std::chrono::milliseconds delay);

 private:
  struct Queued {
    overlay::NodeId node;
    bool has_listing;  ///< Which has changed, not only attributes.
  };

  void run();
  void queue(Queued notification);
  void do_chore(std::unique_lock<Mutex<LockRank::Queue>>& lock, Chore& chore);
  /// The chore that is due first; null if none is.
  Chore* next_chore() const REQUIRES(mutex_);

  fuse_session* const session_;
  Mutex<LockRank::Queue> mutex_;
  std::condition_variable_any wake_;
  std::deque<Queued> queue_ GUARDED_BY(mutex_);
  std::vector<Chore*> chores_ GUARDED_BY(mutex_);
  const Chore* current_ GUARDED_BY(mutex_) = nullptr;  ///< Being done.
  bool is_telling_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_NOTIFIER_H_
