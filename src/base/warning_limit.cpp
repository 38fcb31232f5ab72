// SPDX-License-Identifier: MIT
//
// A line is remembered by its hash, in the one slot that the hash leads to, until another line
// takes that. What the limit keeps back is not remembered, so that it may be said later.

#include "base/warning_limit.h"

#include "base/hash.h"

namespace overpass::log {

bool WarningLimit::admits(std::string_view line, int64_t now) {
  const uint64_t hash = hash_bytes(line) | 1;
  std::atomic<uint64_t>& slot = said_[(hash >> 1) % kRemembered];
  if (slot == hash) return false;
  const int64_t period = now / kPeriodSeconds;
  if (period_.exchange(period) != period) lines_ = 0;
  if (lines_.fetch_add(1) >= kLines) {
    ++kept_back_;
    return false;
  }
  return slot.exchange(hash) != hash;
}

}  // namespace overpass::log
