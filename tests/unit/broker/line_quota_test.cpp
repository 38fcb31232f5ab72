// SPDX-License-Identifier: MIT

#include "broker/line_quota.h"

#include <gtest/gtest.h>

namespace overpass::broker {
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

TEST(LineQuota, BoundsTheLinesAboutAUserWhoIsNeverQuiet) {
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

TEST(LineQuota, SumsUpWhatIsLeftOut) {
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
