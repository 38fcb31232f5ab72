// SPDX-License-Identifier: MIT
//
// How often the log may warn. Warnings tell what is wrong in a layer. The maker of a layer, or a
// program that walks through it, must not be able to fill a disk with them: a line is not repeated,
// and only a bounded number of different lines is logged in a period.

#ifndef OVERPASS_BASE_WARNING_LIMIT_H_
#define OVERPASS_BASE_WARNING_LIMIT_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace overpass::log {

/// Threads: any; without a lock, so that a race may let a line through that another thread says.
class WarningLimit {
 public:
  static constexpr uint32_t kLines = 30;         ///< So many lines ...
  static constexpr int64_t kPeriodSeconds = 10;  ///< ... in so long a time.

  /// Whether to log `line` at `now`, in seconds of a clock that does not go back.
  bool admits(std::string_view line, int64_t now);

  /// The number of lines kept back by the limit since the last call; repetitions do not count.
  uint32_t take_kept_back() { return kept_back_.exchange(0); }

 private:
  static constexpr size_t kRemembered = 512;

  std::array<std::atomic<uint64_t>, kRemembered> said_ = {};  ///< Hashes; 0 is none.
  std::atomic<int64_t> period_ = -1;
  std::atomic<uint32_t> lines_ = 0;  ///< Of the period.
  std::atomic<uint32_t> kept_back_ = 0;
};

}  // namespace overpass::log

#endif  // OVERPASS_BASE_WARNING_LIMIT_H_
