// SPDX-License-Identifier: MIT
//
// A call is killed under the mutex under which it is taken off the list, so that it still exists.

#include "overlay/state/killable_calls.h"

#include "base/scope_exit.h"
#include "sys/thread_status.h"

namespace overpass::overlay {

Result<void> KillableCalls::make(pid_t caller, sys::ChildCall& call) {
  const uint64_t number = begin({caller, &call});
  const ScopeExit ending([this, number] { end(number); });
  if (begun_) begun_();
  return call.make();
}

std::optional<std::chrono::milliseconds> KillableCalls::attend() {
  bool has_any = false;
  for (auto next = next_caller(0); next; next = next_caller(next->first)) {
    has_any = true;
    // Nothing is read of a caller while the mutex is held.
    if (sys::is_being_killed(next->second)) kill(next->first);
  }
  return has_any ? std::optional(kLookDelay) : std::nullopt;
}

uint64_t KillableCalls::begin(const UnderWay& one) {
  Lock lock(mutex_);
  calls_.emplace(last_number_ + 1, one);
  return ++last_number_;
}

void KillableCalls::end(uint64_t number) {
  Lock lock(mutex_);
  calls_.erase(number);
}

std::optional<std::pair<uint64_t, pid_t>> KillableCalls::next_caller(uint64_t number) const {
  Lock lock(mutex_);
  const auto next = calls_.upper_bound(number);
  if (next == calls_.end()) return std::nullopt;
  return std::pair(next->first, next->second.caller);
}

void KillableCalls::kill(uint64_t number) {
  Lock lock(mutex_);
  const auto found = calls_.find(number);
  if (found != calls_.end()) found->second.call->kill();
}

}  // namespace overpass::overlay
