// SPDX-License-Identifier: MIT

#include "base/warning_limit.h"

#include <gtest/gtest.h>

#include <string>

namespace overpass::log {
namespace {

std::string line(uint32_t number) { return "line " + std::to_string(number); }

TEST(WarningLimit, SaysALineOnce) {
  WarningLimit limit;
  EXPECT_TRUE(limit.admits("a", 0));
  EXPECT_TRUE(limit.admits("b", 0));
  EXPECT_FALSE(limit.admits("a", 0));
  EXPECT_FALSE(limit.admits("b", 100));
  EXPECT_EQ(limit.take_kept_back(), 0u);
}

TEST(WarningLimit, HoldsBackLinesBeyondThePeriodsBudget) {
  WarningLimit limit;
  for (uint32_t i = 0; i < WarningLimit::kLines; ++i) EXPECT_TRUE(limit.admits(line(i), 1));
  EXPECT_FALSE(limit.admits("late", WarningLimit::kPeriodSeconds - 1));
  EXPECT_FALSE(limit.admits("later", WarningLimit::kPeriodSeconds - 1));
  EXPECT_EQ(limit.take_kept_back(), 2u);
  EXPECT_EQ(limit.take_kept_back(), 0u);
  EXPECT_TRUE(limit.admits("late", WarningLimit::kPeriodSeconds));
}

TEST(WarningLimit, RepetitionsDoNotUseUpThePeriod) {
  WarningLimit limit;
  for (uint32_t i = 0; i < 10 * WarningLimit::kLines; ++i) (void)limit.admits("a", 1);
  EXPECT_TRUE(limit.admits("b", 1));
  EXPECT_EQ(limit.take_kept_back(), 0u);
}

TEST(WarningLimit, SaysALineAgainAfterVeryManyOthers) {
  WarningLimit limit;
  EXPECT_TRUE(limit.admits("a", 0));
  int64_t now = 0;
  for (uint32_t i = 0; i < 20'000; ++i) (void)limit.admits(line(i), now += 1);
  EXPECT_TRUE(limit.admits("a", now + 2 * WarningLimit::kPeriodSeconds));
}

}  // namespace
}  // namespace overpass::log
