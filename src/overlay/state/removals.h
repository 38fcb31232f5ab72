// SPDX-License-Identifier: MIT
//
// Which names have gone from the union lately. The upper holds every file that differs from the
// lowers, so that a walk through it finds what has changed; but a file that came and went leaves
// nothing there. Who has to know of every change (`overpass fsmonitor`) asks here for the rest.

#ifndef OVERPASS_OVERLAY_STATE_REMOVALS_H_
#define OVERPASS_OVERLAY_STATE_REMOVALS_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/mutex.h"

namespace overpass::overlay {

/// A record of bounded length, each entry with a number. Nothing is recorded before somebody has
/// asked once.
///
/// Invariants: entry `i` of paths_ has the number first_ + i; entries with smaller numbers are
/// forgotten; bytes_ is what paths_ hold, each with a byte for its end, and at most kMostBytes.
/// Threads: any.
class Removals {
 public:
  /// An answer is the value of an extended attribute, which has 64 KiB at most.
  static constexpr size_t kMostBytes = 48'000;

  struct Since {
    uint64_t mount;  ///< Another for each mount, so that numbers are told apart; never 0.
    uint64_t next;   ///< The number to ask from next time.
    /// False: something before `next` is forgotten, or everything may have another name.
    bool is_whole;
    std::vector<std::string> paths;
  };

  Removals();

  /// Whether somebody has asked. A name that goes before that need not be recorded: who asks looks
  /// at the upper afterwards.
  bool are_wanted() const { return are_wanted_.load(); }

  /// `path`, from the root without leading slash, may have gone, with all below it.
  /// REQUIRES: it has gone from the upper before the call. L: none of rank Queue.
  void add(std::string path);

  /// Anything may have another name than before. Needs no memory. L: as for add().
  void add_all();

  /// What has gone since `number`, which an earlier answer of this mount had as `next`. From now on
  /// names are recorded. L: as for add().
  Since since(uint64_t number);

 private:
  const uint64_t mount_;
  std::atomic<bool> are_wanted_ = false;
  Mutex<LockRank::Queue> mutex_;
  std::deque<std::string> paths_ GUARDED_BY(mutex_);
  uint64_t first_ GUARDED_BY(mutex_) = 1;
  size_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_REMOVALS_H_
