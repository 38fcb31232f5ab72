// SPDX-License-Identifier: MIT
//
// Waiters check ten times a second whether their callers are being killed; the thread that copies
// checks between two parts. A waiter may arrive while the copy is being given up, without a lock
// between the two. It then learns that the copy was given up, and makes one itself.

#include "overlay/state/copy_up_progress.h"

#include <sys/stat.h>

#include <utility>

#include "sys/thread_status.h"

namespace overpass::overlay {

namespace {

using namespace std::chrono_literals;

constexpr auto kLookEvery = 100ms;
/// At the latest after so many bytes, however fast: a look costs as much as copying 50 KiB.
constexpr off_t kLookEveryBytes = off_t{8} << 20;

}  // namespace

const char* word_of(CopyPhase phase) {
  switch (phase) {
    case CopyPhase::Preparing:
      return "preparing";
    case CopyPhase::Copying:
      return "copying";
    case CopyPhase::Syncing:
      return "syncing";
    case CopyPhase::Verifying:
      return "verifying";
  }
  return "?";
}

CopyUnderWay::CopyUnderWay(InodeRef file, const Caller& caller)
    : file_(std::move(file)), thread_(caller.thread), user_(caller.uid) {}

void CopyUnderWay::begin(off_t bytes) {
  total_.store(bytes, std::memory_order_relaxed);
  enter(CopyPhase::Copying);
}

bool CopyUnderWay::is_due(off_t offset) {
  const Clock::time_point now = Clock::now();
  // Verification begins at 0 again.
  const bool is_far = offset < looked_at_ || offset - looked_at_ >= kLookEveryBytes;
  if (!is_far && now - looked_when_ < kLookEvery) return false;
  looked_at_ = offset;
  looked_when_ = now;
  return true;
}

Result<void> CopyUnderWay::reached(off_t offset) {
  if (phase() == CopyPhase::Copying) done_.store(offset, std::memory_order_relaxed);
  if (!is_due(offset) || waiters_.load() > 0 || !sys::is_being_killed(thread_)) return {};
  was_given_up_ = true;
  return fail(EINTR);
}

void CopyUnderWay::note_times(const std::optional<timespec>& access,
                              const std::optional<timespec>& modification) {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const auto note = [&](std::optional<timespec>& noted, const std::optional<timespec>& time) {
    if (!time || time->tv_nsec == UTIME_OMIT) return;
    noted = time->tv_nsec == UTIME_NOW ? now : *time;
  };
  note(access_time_, access);
  note(modification_time_, modification);
}

void CopyUnderWay::finish(Result<void> outcome) {
  if (outcome.failed_with(kMustWait)) was_given_up_ = true;
  promise_.set_value(std::move(outcome));
}

Result<void> CopyUnderWay::wait(pid_t waiter) {
  ++waiters_;
  while (outcome_.wait_for(kLookEvery) != std::future_status::ready) {
    if (!sys::is_being_killed(waiter)) continue;
    --waiters_;
    return fail(EINTR);
  }
  --waiters_;
  return was_given_up_ ? Result<void>() : outcome_.get();
}

}  // namespace overpass::overlay
