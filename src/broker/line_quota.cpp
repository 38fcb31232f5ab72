// SPDX-License-Identifier: MIT

#include "broker/line_quota.h"

#include <algorithm>
#include <utility>

namespace overpass::broker {

namespace {

/// Users who are counted one by one; what is left out about more of them shares a number, so that
/// thousands of subordinate user ids cost no memory.
constexpr size_t kMostUsers = 4096;

std::string sum_line(const std::string& who, uint64_t lines) {
  return who + ": " + std::to_string(lines) + " more lines are left out";
}

}  // namespace

bool LineQuota::Bucket::take(uint64_t now_ms, uint64_t cost_ms, uint64_t size_ms) {
  used_ms -= std::min(used_ms, now_ms - as_of);
  as_of = now_ms;
  if (used_ms + cost_ms > size_ms) return false;
  used_ms += cost_ms;
  return true;
}

bool LineQuota::take(uid_t uid, uint64_t now_ms) {
  forget_idle(now_ms);
  if (users_.size() >= kMostUsers && !users_.contains(uid)) return false;
  Bucket& user = users_.try_emplace(uid, Bucket{0, now_ms}).first->second;
  if (!user.take(now_ms, kRefillMs, kLinesPerUser * kRefillMs)) return false;
  constexpr uint64_t kCost = kRefillMs * kLinesPerUser / kLines;
  return all_.take(now_ms, kCost, kLines * kCost);
}

void LineQuota::leave_out(uid_t uid, uint32_t lines, uint64_t now_ms) {
  if (lines == 0) return;
  const bool is_counted_alone = left_out_.size() < kMostUsers || left_out_.contains(uid);
  (is_counted_alone ? left_out_[uid] : left_out_of_others_) += lines;
  if (!sums_due_) sums_due_ = now_ms + kSumsMs;
}

std::vector<std::string> LineQuota::take_sums() {
  std::vector<std::pair<uid_t, uint64_t>> users(left_out_.begin(), left_out_.end());
  std::ranges::sort(users, std::ranges::greater(), &std::pair<uid_t, uint64_t>::second);
  std::vector<std::string> lines;
  uint64_t rest = std::exchange(left_out_of_others_, 0);
  for (const auto& [uid, count] : users) {
    if (lines.size() < kMostSums) {
      lines.push_back(sum_line("uid " + std::to_string(uid), count));
    } else {
      rest += count;
    }
  }
  if (rest > 0) lines.push_back(sum_line("other users", rest));
  left_out_.clear();
  sums_due_.reset();
  return lines;
}

void LineQuota::forget_idle(uint64_t now_ms) {
  if (now_ms - forgot_at_ < kRefillMs) return;
  forgot_at_ = now_ms;
  std::erase_if(users_, [&](const auto& entry) { return entry.second.is_full(now_ms); });
}

}  // namespace overpass::broker
