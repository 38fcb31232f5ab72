// SPDX-License-Identifier: MIT

#include "broker/quotas.h"

#include <algorithm>
#include <utility>

namespace overpass::broker {

void Quotas::fill(User& user, uint64_t now_ms) const {
  // requests_per_second thousandths of a request per millisecond.
  const uint64_t most = uint64_t{limits_.requests_per_second} * 1000;
  const uint64_t passed = std::min<uint64_t>(now_ms - user.filled_at, 1000);
  user.requests = std::min(most, user.requests + passed * limits_.requests_per_second);
  user.filled_at = now_ms;
}

void Quotas::forget_idle(uint64_t now_ms) {
  // Not at each connection: a user with thousands of subordinate ids could make this long.
  if (now_ms - forgot_at_ < 1000) return;
  forgot_at_ = now_ms;
  std::erase_if(users_, [&](const auto& entry) {
    return entry.second.clients == 0 && entry.second.files == 0 &&
           now_ms - entry.second.filled_at >= 1000;
  });
}

Refusal Quotas::admit(uid_t uid, uint64_t now_ms) {
  forget_idle(now_ms);
  if (clients_ >= limits_.clients) return Refusal::TooManyClients;
  const auto [entry, is_new] = users_.try_emplace(uid);
  User& user = entry->second;
  if (is_new) user = {0, 0, uint64_t{limits_.requests_per_second} * 1000, now_ms};
  if (user.clients >= limits_.clients_per_user) return Refusal::TooManyClients;
  fill(user, now_ms);
  const uint64_t cost = std::max(1000U, limits_.requests_per_second * 10);
  if (user.requests < cost) return Refusal::TooFast;
  user.requests -= cost;
  ++user.clients;
  ++clients_;
  return Refusal::None;
}

void Quotas::leave(uid_t uid, uint32_t files) {
  give_back_files(uid, files);
  --users_[uid].clients;
  --clients_;
}

uint32_t Quotas::grant_files(uid_t uid, uint32_t wanted) {
  User& user = users_[uid];
  const uint32_t granted =
      std::min({wanted, limits_.files_per_user - user.files, limits_.files - files_});
  user.files += granted;
  files_ += granted;
  return granted;
}

uint32_t Quotas::grant_requests(uid_t uid, uint32_t wanted, uint64_t now_ms) {
  User& user = users_[uid];
  fill(user, now_ms);
  const auto granted = static_cast<uint32_t>(std::min<uint64_t>(wanted, user.requests / 1000));
  user.requests -= uint64_t{granted} * 1000;
  return granted;
}

void Quotas::give_back_files(uid_t uid, uint32_t files) {
  User& user = users_[uid];
  const uint32_t given = std::min(files, user.files);
  user.files -= given;
  files_ -= given;
}

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
