// SPDX-License-Identifier: MIT
//
// A list: there are few of them at a time.

#include "overlay/state/copies_under_way.h"

#include <algorithm>

#include "overlay/state/copy_up_progress.h"

namespace overpass::overlay {

void CopiesUnderWay::add(std::shared_ptr<CopyUnderWay> copy) {
  Lock lock(mutex_);
  copies_.push_back(std::move(copy));
}

void CopiesUnderWay::remove(const CopyUnderWay& copy) {
  std::shared_ptr<CopyUnderWay> removed;  // Destroyed after the lock.
  Lock lock(mutex_);
  const auto at = std::find_if(copies_.begin(), copies_.end(),
                               [&](const auto& one) { return one.get() == &copy; });
  if (at == copies_.end()) return;
  removed = std::move(*at);
  copies_.erase(at);
}

std::vector<std::shared_ptr<const CopyUnderWay>> CopiesUnderWay::all() const {
  Lock lock(mutex_);
  return {copies_.begin(), copies_.end()};
}

}  // namespace overpass::overlay
