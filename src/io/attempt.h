// SPDX-License-Identifier: MIT
//
// An operation on the calling thread: as far as it goes without waiting for a disk, or to its end.

#ifndef OVERPASS_IO_ATTEMPT_H_
#define OVERPASS_IO_ATTEMPT_H_

#include <atomic>
#include <chrono>
#include <cstdint>

#include "io/operation.h"

namespace overpass::io {

/// Whether writes may be made that perhaps wait: some file systems (ext4) refuse to say beforehand
/// whether a write into the page cache would, and nearly none does. After one that waited, further
/// ones are refused for many times as long as it took. So a serving thread spends only a small part
/// of its time waiting.
/// Threads: any.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  bool may_risk_waiting(Clock::time_point now) const;
  /// A write waited, for something else than a processor.
  void waited(Clock::time_point began, Clock::time_point ended);

  /// Whether to ask for a write that does not wait: no, once the file system has refused one. All
  /// writes of a mount go to one file system.
  bool may_ask() const { return !was_refused_.load(std::memory_order_relaxed); }
  void refused() { was_refused_.store(true, std::memory_order_relaxed); }

 private:
  std::atomic<bool> was_refused_ = false;
  std::atomic<Clock::rep> refuse_until_ = Clock::time_point::min().time_since_epoch().count();
};

/// Moves what can be moved at once. True when that was all or an error ended it: complete the
/// operation then. False: the rest must go where waiting is allowed, even if a part was moved.
bool try_now(Operation& operation, Pace& pace);

/// Goes to the end, blocking. Complete the operation then.
void perform(Operation& operation);

}  // namespace overpass::io

#endif  // OVERPASS_IO_ATTEMPT_H_
