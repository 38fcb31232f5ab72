// SPDX-License-Identifier: MIT

#include "broker/quotas.h"

#include <gtest/gtest.h>

namespace overpass::broker {

namespace {

constexpr Limits kLimits = {.clients = 5,
                            .clients_per_user = 3,
                            .files = 220,
                            .files_per_user = 100,
                            .requests_per_second = 50};

TEST(Quotas, BoundsTheClientsOfOneUser) {
  Quotas quotas(kLimits);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(quotas.admit(1, 0), Refusal::None);
  EXPECT_EQ(quotas.admit(1, 0), Refusal::TooManyClients);
  EXPECT_EQ(quotas.admit(2, 0), Refusal::None);
  quotas.leave(1, 0);
  EXPECT_EQ(quotas.admit(1, 0), Refusal::None);
}

TEST(Quotas, BoundsTheClientsOfAllUsers) {
  Quotas quotas(kLimits);
  for (uid_t uid = 0; uid < 5; ++uid) EXPECT_EQ(quotas.admit(uid, 0), Refusal::None);
  EXPECT_EQ(quotas.admit(9, 0), Refusal::TooManyClients);
  quotas.leave(3, 0);
  EXPECT_EQ(quotas.admit(9, 0), Refusal::None);
}

TEST(Quotas, SharesFilesAmongTheClientsOfAUser) {
  Quotas quotas(kLimits);
  for (const uid_t uid : {1U, 1U, 2U}) ASSERT_EQ(quotas.admit(uid, 0), Refusal::None);
  EXPECT_EQ(quotas.grant_files(1, 64), 64U);
  EXPECT_EQ(quotas.grant_files(1, 64), 36U);
  EXPECT_EQ(quotas.grant_files(1, 64), 0U);
  EXPECT_EQ(quotas.grant_files(2, 64), 64U);
  quotas.give_back_files(1, 10);
  EXPECT_EQ(quotas.grant_files(1, 64), 10U);
  quotas.leave(1, 64);
  EXPECT_EQ(quotas.grant_files(1, 100), 64U);
}

TEST(Quotas, BoundsTheFilesOfAllUsers) {
  Quotas quotas(kLimits);
  for (const uid_t uid : {1U, 2U, 3U}) ASSERT_EQ(quotas.admit(uid, 0), Refusal::None);
  EXPECT_EQ(quotas.grant_files(1, 100), 100U);
  EXPECT_EQ(quotas.grant_files(2, 100), 100U);
  EXPECT_EQ(quotas.grant_files(3, 100), 20U);
  quotas.give_back_files(1, 30);
  EXPECT_EQ(quotas.grant_files(3, 100), 30U);
  quotas.leave(2, 100);
  EXPECT_EQ(quotas.grant_files(3, 100), 50U);
}

TEST(Quotas, GivesNothingForUngrantedFiles) {
  Quotas quotas(kLimits);
  ASSERT_EQ(quotas.admit(1, 0), Refusal::None);
  quotas.give_back_files(1, 1000);
  EXPECT_EQ(quotas.grant_files(1, 1000), 100U);
}

TEST(Quotas, BoundsRequestsByTime) {
  Quotas quotas(kLimits);
  ASSERT_EQ(quotas.admit(1, 1000), Refusal::None);
  EXPECT_EQ(quotas.grant_requests(1, 256, 1000), 49U);
  EXPECT_EQ(quotas.grant_requests(1, 256, 1000), 0U);
  EXPECT_EQ(quotas.grant_requests(1, 256, 1100), 5U);
  EXPECT_EQ(quotas.grant_requests(1, 256, 99000), 50U);
}

TEST(Quotas, DoesNotRenewTheRequestsOfAReturningUser) {
  Quotas quotas(kLimits);
  ASSERT_EQ(quotas.admit(1, 1000), Refusal::None);
  EXPECT_EQ(quotas.grant_requests(1, 50, 1000), 49U);
  quotas.leave(1, 0);
  EXPECT_EQ(quotas.admit(1, 1010), Refusal::TooFast);
  ASSERT_EQ(quotas.admit(1, 1040), Refusal::None);
  EXPECT_EQ(quotas.grant_requests(1, 50, 1040), 1U);
}

TEST(Quotas, KeepsFilesThatWereLeftBehindOnTheAccount) {
  Quotas quotas(kLimits);
  ASSERT_EQ(quotas.admit(1, 0), Refusal::None);
  EXPECT_EQ(quotas.grant_files(1, 60), 60U);
  quotas.leave(1, 0);
  ASSERT_EQ(quotas.admit(1, 1'000'000), Refusal::None);
  EXPECT_EQ(quotas.grant_files(1, 60), 40U);
}

}  // namespace

namespace {

constexpr uint32_t kLinesPerUser = LineQuota::kLinesPerUser;
constexpr uint64_t kRefillMs = LineQuota::kRefillMs;

/// How many of so many lines are granted.
uint32_t taken(LineQuota& quota, uid_t uid, uint32_t wanted, uint64_t now) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < wanted; ++i) count += quota.take(uid, now) ? 1 : 0;
  return count;
}

TEST(LineQuota, BoundsTheLinesAboutAUser) {
  LineQuota quota;
  EXPECT_EQ(taken(quota, 1, 1000, 0), kLinesPerUser);
  EXPECT_EQ(taken(quota, 2, 1000, 0), kLinesPerUser) << "another user";
  EXPECT_EQ(taken(quota, 1, 1000, kRefillMs - 1), 0U);
  EXPECT_EQ(taken(quota, 1, 1000, kRefillMs), 1U);
  EXPECT_EQ(taken(quota, 1, 1000, 4 * kRefillMs), 3U);
  EXPECT_EQ(taken(quota, 1, 1000, 1000 * kRefillMs), kLinesPerUser);
}

TEST(LineQuota, BoundsTheLinesAboutANeverQuietUser) {
  LineQuota quota;
  uint32_t lines = 0;
  constexpr uint64_t kPeriods = 100;
  for (uint64_t now = 0; now < kPeriods * kRefillMs; now += 10) lines += quota.take(1, now) ? 1 : 0;
  EXPECT_EQ(lines, kLinesPerUser + kPeriods - 1);
}

TEST(LineQuota, BoundsTheLinesAboutAllUsers) {
  LineQuota quota;
  uint32_t lines = 0;
  for (uid_t uid = 0; uid < 60'000; ++uid) lines += quota.take(uid, 1) ? 1 : 0;
  EXPECT_EQ(lines, LineQuota::kLines);
  EXPECT_EQ(taken(quota, 70'000, 20, kRefillMs + 1), 10U) << "refilled for all";
}

TEST(LineQuota, SumsUpOmittedLines) {
  LineQuota quota;
  EXPECT_FALSE(quota.sums_due());
  quota.leave_out(5, 0, 100);
  EXPECT_FALSE(quota.sums_due()) << "nothing was left out";
  quota.leave_out(5, 3, 100);
  quota.leave_out(6, 10, 200);
  quota.leave_out(5, 4, 300);
  EXPECT_EQ(quota.sums_due(), 100 + LineQuota::kSumsMs);
  const std::vector<std::string> expected = {"uid 6: 10 more lines are left out",
                                             "uid 5: 7 more lines are left out"};
  EXPECT_EQ(quota.take_sums(), expected);
  EXPECT_FALSE(quota.sums_due());
  EXPECT_TRUE(quota.take_sums().empty());
}

TEST(LineQuota, BoundsTheSums) {
  LineQuota quota;
  for (uid_t uid = 0; uid < 60'000; ++uid) quota.leave_out(uid, 1, 0);
  const auto sums = quota.take_sums();
  ASSERT_EQ(sums.size(), LineQuota::kMostSums + 1);
  EXPECT_EQ(sums.back(), "other users: 59990 more lines are left out");
}

}  // namespace

}  // namespace overpass::broker
