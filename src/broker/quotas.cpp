// SPDX-License-Identifier: MIT

#include "broker/quotas.h"

#include <algorithm>

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

}  // namespace overpass::broker
