// SPDX-License-Identifier: MIT

#include "fuse/busy_poll.h"

#include <algorithm>

namespace overpass::fuse {

bool BusyPoll::is_worthwhile() {
  if (longest_ == std::chrono::microseconds::zero()) return false;
  if (pause_ > 0) {
    --pause_;
    return false;
  }
  if (points_ > 0) return true;
  if (++skipped_ < kTryEvery) return false;
  skipped_ = 0;
  return true;
}

void BusyPoll::paid_off() {
  points_ = std::min(points_ + 1, kMostPoints);
  if (points_ == kMostPoints) next_pause_ = kFirstPause;
}

void BusyPoll::failed() { points_ = std::max(points_ - kCost, 0); }

void BusyPoll::met_others() {
  pause_ = next_pause_;
  next_pause_ = std::min(next_pause_ * 2, kLongestPause);
}

}  // namespace overpass::fuse
