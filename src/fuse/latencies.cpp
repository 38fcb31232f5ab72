// SPDX-License-Identifier: MIT
//
// A duration in microseconds, n, is in the doubling of its highest bit; the two bits below that one
// are the class in there. The doublings of 1 and 2 us have fewer bits, and leave classes empty.

#include "fuse/latencies.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace overpass::fuse {

unsigned Latencies::class_of(Duration duration) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  const auto n = static_cast<uint64_t>(std::max<int64_t>(us, 1));
  const auto doubling = static_cast<unsigned>(std::bit_width(n)) - 1;
  const auto within = static_cast<unsigned>((n << 2 >> doubling) & (kClassesPerDoubling - 1));
  return std::min(doubling * kClassesPerDoubling + within, kClassesPerDoubling * kDoublings - 1);
}

Latencies::Duration Latencies::end_of(unsigned number) {
  const uint64_t quarters = kClassesPerDoubling + number % kClassesPerDoubling + 1;
  const uint64_t quarter_us = quarters << number / kClassesPerDoubling;
  return std::chrono::nanoseconds(quarter_us * 1000 / kClassesPerDoubling);
}

uint64_t Latencies::count() const {
  uint64_t sum = 0;
  for (const auto& number : classes_) sum += number.load(std::memory_order_relaxed);
  return sum;
}

Latencies::Duration Latencies::quantile(double share) const {
  const uint64_t all = count();
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(all)));
  uint64_t sum = 0;
  for (unsigned number = 0; number < classes_.size(); ++number) {
    sum += classes_[number].load(std::memory_order_relaxed);
    if (sum > 0 && sum >= wanted) return end_of(number);
  }
  return Duration::zero();
}

}  // namespace overpass::fuse
