// SPDX-License-Identifier: MIT
//
// How long requests took, as a histogram: enough for a median and for what the slowest waited, in
// a few hundred bytes, counted without a lock.

#ifndef OVERPASS_FUSE_LATENCIES_H_
#define OVERPASS_FUSE_LATENCIES_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace overpass::fuse {

/// Each power of two has four classes, from 1 us to about an hour, so a duration is known to within
/// a fifth.
/// Threads: any.
class Latencies {
 public:
  using Duration = std::chrono::nanoseconds;

  void add(Duration duration) {
    classes_[class_of(duration)].fetch_add(1, std::memory_order_relaxed);
  }

  uint64_t count() const;

  /// The duration that `share` of the requests (0 to 1) did not exceed, as the upper end of its
  /// class. 0 without requests.
  Duration quantile(double share) const;

 private:
  static constexpr unsigned kClassesPerDoubling = 4;
  static constexpr unsigned kDoublings = 32;

  static unsigned class_of(Duration duration);
  static Duration end_of(unsigned number);

  std::array<std::atomic<uint64_t>, kClassesPerDoubling* kDoublings> classes_ = {};
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_LATENCIES_H_
