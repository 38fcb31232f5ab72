// SPDX-License-Identifier: MIT
//
// A copy-up under way, as seen by threads that wait for the file, by `overpass status`, and by the
// check that may end it early.
//
// It ends early, with EINTR, when its caller is being killed and no other thread waits. Other
// signals leave it alone: a program that gets signals all the time (Go's runtime sends them to
// itself) would restart the copy for ever. Callers are polled: the kernel reports signals over
// /dev/fuse only, and handled signals as well as fatal ones.

#ifndef OVERPASS_OVERLAY_STATE_COPY_UP_PROGRESS_H_
#define OVERPASS_OVERLAY_STATE_COPY_UP_PROGRESS_H_

#include <sys/types.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/result.h"
#include "overlay/state/caller.h"
#include "overlay/state/inode.h"
#include "sys/copy_data.h"

namespace overpass::overlay {

/// The stage of a copy-up.
enum class CopyPhase : uint8_t { Preparing, Copying, Syncing, Verifying };

/// For people and scripts.
const char* word_of(CopyPhase phase);

/// The treatment of a copy's bytes once they are written.
inline sys::Afterwards afterwards_of(bool is_volatile) {
  return is_volatile ? sys::Afterwards::Left : sys::Afterwards::Synced;
}

/// One copy-up of one file, from its start to its outcome. One thread copies and reports here;
/// others that need the file wait here instead of copying again. The file's inode holds it
/// (InodeExtras::copy_up) as long as the copy is under way, and so does CopiesUnderWay.
///
/// Invariants:
/// 1. finish() is called exactly once, so that every waiter wakes, also after an error.
/// 2. A copy is given up only if its caller is being killed and no thread waits for it. A thread
///    that begins to wait at that moment learns it from wait() and makes a copy itself.
/// 3. Changes that callers make to mode, owner and times meanwhile are noted here.
///    The thread that copies looks at the notes before it puts mode and times back, so that no
///    change is lost.
///
/// Threads: each group of functions says which thread may call it. Those that speak of the file's
/// mutex need it held; wait() needs that no lock is held.
class CopyUnderWay : public sys::CopyObserver {
 public:
  using Clock = std::chrono::steady_clock;

  /// `caller`: the caller that needs the copy.
  CopyUnderWay(InodeRef file, const Caller& caller);

  // The thread that copies.

  /// The copying of `bytes` bytes begins.
  void begin(off_t bytes);
  void enter(CopyPhase phase) { phase_.store(phase, std::memory_order_relaxed); }
  /// EINTR when the copy is not wanted any more.
  Result<void> reached(off_t offset) override;
  /// Tells the waiters that the copy has ended, and how. Call it once.
  void finish(Result<void> outcome);

  // Any thread.

  /// Waits for the end on behalf of `waiter` and returns the outcome. Success also if the copy was
  /// given up: the waiter must then look again, and copy if needed. EINTR when the waiter is being
  /// killed.
  /// L: none on entry.
  Result<void> wait(pid_t waiter);

  /// A caller has changed the file's mode or owner meanwhile. REQUIRES: the file's mutex, for the
  /// getter too.
  void note_mode_change() { mode_has_changed_ = true; }
  bool mode_has_changed() const { return mode_has_changed_; }

  /// A caller has set times of the file meanwhile, as by utimensat(2) with UTIME_NOW; absent times
  /// were not set. REQUIRES: the file's mutex, for the getters too.
  void note_times(const std::optional<timespec>& access,
                  const std::optional<timespec>& modification);
  const std::optional<timespec>& access_time() const { return access_time_; }
  const std::optional<timespec>& modification_time() const { return modification_time_; }

  const InodeRef& file() const { return file_; }
  /// The user it is made for; kNoId when that is not known.
  uid_t user() const { return user_; }
  CopyPhase phase() const { return phase_.load(std::memory_order_relaxed); }
  /// The number of threads that wait for it, without the one that copies.
  int waiters() const { return waiters_.load(std::memory_order_relaxed); }
  off_t done() const { return done_.load(std::memory_order_relaxed); }
  off_t total() const { return total_.load(std::memory_order_relaxed); }
  Clock::duration age() const { return Clock::now() - start_; }

 private:
  bool is_due(off_t offset);

  const InodeRef file_;
  const pid_t thread_;
  const uid_t user_;
  const Clock::time_point start_ = Clock::now();
  std::atomic<off_t> done_ = 0;
  std::atomic<off_t> total_ = 0;
  std::atomic<CopyPhase> phase_ = CopyPhase::Preparing;
  std::atomic<int> waiters_ = 0;
  bool mode_has_changed_ = false;
  std::optional<timespec> access_time_;  ///< When it was set, as the next one.
  std::optional<timespec> modification_time_;
  bool was_given_up_ = false;  ///< Set before the outcome, read after it.
  // The copying thread's own: when it last looked after its caller.
  off_t looked_at_ = 0;
  Clock::time_point looked_when_ = start_;
  std::promise<Result<void>> promise_;
  const std::shared_future<Result<void>> outcome_{promise_.get_future()};
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_COPY_UP_PROGRESS_H_
