// SPDX-License-Identifier: MIT
//
// The last callers, moved to the front as they come.

#include "fuse/concurrent_callers.h"

#include <algorithm>

namespace overpass::fuse {

namespace {

/// One request in so many comes back after another caller's: the callers run side by side.
constexpr uint32_t kReturnsOnceIn = 16;
/// All requests but one in so many are its own: the caller is alone.
constexpr uint32_t kOthersOnceIn = 8;

}  // namespace

void ConcurrentCallers::come_back(uint64_t caller) {
  auto at = std::ranges::find(recent_, caller, &Recent::caller);
  const bool is_known = at != recent_.end();
  if (!is_known) at = recent_.end() - 1;  // The one that was here longest ago goes.
  Recent one = is_known ? *at : Recent{.caller = caller};
  ++one.requests;
  if (is_known) ++one.returns;
  std::move_backward(recent_.begin(), at, at + 1);
  recent_.front() = one;
}

ConcurrentCallers::Set ConcurrentCallers::take() {
  Set set = {};
  size_t count = 0;
  for (Recent& one : recent_) {
    const bool comes_back = one.returns > 0 && one.returns * kReturnsOnceIn >= noted_;
    const bool is_alone = one.requests > 0 && one.requests + noted_ / kOthersOnceIn >= noted_;
    if (comes_back || is_alone) set[count++] = one.caller;
    one.requests = one.returns = 0;
  }
  noted_ = 0;
  return set;
}

}  // namespace overpass::fuse
