// SPDX-License-Identifier: MIT
//
// A copy-up as others see it while it is under way: those who wait for the same file, `overpass
// status`, and whoever may end it.
//
// It ends early, with EINTR, when the one it is made for is being killed and nobody else waits. Any
// other signal leaves it alone: a program that is sent signals all the time (Go's runtime does it
// to itself) would have it begin anew for ever. Callers are looked at from time to time rather than
// reported: the kernel reports signals over /dev/fuse only, and those that are handled as well.

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

/// What a copy-up is at.
enum class CopyPhase : uint8_t { Preparing, Copying, Syncing, Verifying };

/// For people and scripts.
const char* word_of(CopyPhase phase);

/// What becomes of a copy's bytes once they are there.
inline sys::Afterwards afterwards_of(bool is_volatile) {
  return is_volatile ? sys::Afterwards::Left : sys::Afterwards::Synced;
}

/// Threads: what is said of each function.
class CopyUnderWay : public sys::CopyObserver {
 public:
  using Clock = std::chrono::steady_clock;

  /// `caller`: who it is for.
  CopyUnderWay(InodeRef file, const Caller& caller);

  // The thread that copies.

  /// `bytes` are to be copied from now on.
  void begin(off_t bytes);
  void enter(CopyPhase phase) { phase_.store(phase, std::memory_order_relaxed); }
  /// EINTR when nobody wants the copy any more.
  Result<void> reached(off_t offset) override;
  /// Tells the waiters that it has ended, and how. To be called once.
  void finish(Result<void> outcome);

  // Any thread.

  /// Waits for the end on behalf of `waiter`. The outcome, but success also when the copy was given
  /// up: then somebody else has to make it. EINTR when the waiter is being killed.
  /// L: none on entry.
  Result<void> wait(pid_t waiter);

  /// Somebody has changed the file's mode or owner meanwhile. REQUIRES: its mutex, as for asking.
  void note_mode_change() { mode_has_changed_ = true; }
  bool mode_has_changed() const { return mode_has_changed_; }

  /// Somebody has set times of the file meanwhile, as by utimensat(2) with UTIME_NOW; absent ones
  /// not. REQUIRES: its mutex, as for asking.
  void note_times(const std::optional<timespec>& access,
                  const std::optional<timespec>& modification);
  const std::optional<timespec>& access_time() const { return access_time_; }
  const std::optional<timespec>& modification_time() const { return modification_time_; }

  const InodeRef& file() const { return file_; }
  /// The user it is made for; kNoId when that is not known.
  uid_t user() const { return user_; }
  CopyPhase phase() const { return phase_.load(std::memory_order_relaxed); }
  /// How many wait for it, besides the one it is made for.
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
