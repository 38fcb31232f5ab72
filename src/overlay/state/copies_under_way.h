// SPDX-License-Identifier: MIT
//
// The copies of a mount that are under way. The progress of one is copy_up_progress.h, which only
// code that copies, waits or reports includes.

#ifndef OVERPASS_OVERLAY_STATE_COPIES_UNDER_WAY_H_
#define OVERPASS_OVERLAY_STATE_COPIES_UNDER_WAY_H_

#include <memory>
#include <vector>

#include "base/mutex.h"

namespace overpass::overlay {

class CopyUnderWay;

/// All copies of a mount that are under way. Threads: any.
class CopiesUnderWay {
 public:
  void add(std::shared_ptr<CopyUnderWay> copy);
  void remove(const CopyUnderWay& copy);
  /// In the order in which they began.
  std::vector<std::shared_ptr<const CopyUnderWay>> all() const;

 private:
  mutable Mutex<LockRank::Queue> mutex_;
  std::vector<std::shared_ptr<CopyUnderWay>> copies_ GUARDED_BY(mutex_);
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_COPIES_UNDER_WAY_H_
