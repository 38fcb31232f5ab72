// SPDX-License-Identifier: MIT
//
// Failures on their way to the caller, and what they must not leave behind.

#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace overpass {
namespace {

/// Counts how many there are.
struct Counted {
  explicit Counted(int& all) : count(&all) { ++*count; }
  Counted(const Counted& other) : count(other.count) { ++*count; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*count; }
  int* count;
};

Result<int> number(int value) {
  if (value < 0) return fail(EINVAL);
  return value;
}

Result<int> doubled(int value) { return 2 * TRY(number(value)); }

TEST(Result, HoldsAValueOrAnErrorNumber) {
  EXPECT_EQ(number(3).value(), 3);
  EXPECT_TRUE(number(-1).failed_with(EINVAL));
  EXPECT_FALSE(number(-1).failed_with(ENOENT));
  EXPECT_FALSE(number(3).failed_with(EINVAL));
}

TEST(Try, YieldsTheValue) { EXPECT_EQ(doubled(4).value(), 8); }

TEST(Try, PassesTheFailureOn) { EXPECT_TRUE(doubled(-4).failed_with(EINVAL)); }

TEST(Try, YieldsMoveOnlyValues) {
  auto make = []() -> Result<std::unique_ptr<std::string>> {
    return std::make_unique<std::string>("text");
  };
  auto use = [&]() -> Result<size_t> { return TRY(make())->size(); };
  EXPECT_EQ(use().value(), 4U);
}

TEST(Try, PassesAFailureBetweenResultsOfDifferentKinds) {
  auto nothing = []() -> Result<void> { return fail(ENOSPC); };
  auto text = [&]() -> Result<std::string> {
    TRY(nothing());
    return "not reached";
  };
  EXPECT_TRUE(text().failed_with(ENOSPC));
}

TEST(Try, DestroysTheArgumentsBesideIt) {
  int count = 0;
  auto take = [](Counted, int value, Counted) { return value; };
  auto call = [&](int value) -> Result<int> {
    const Counted mine(count);
    return take(mine, TRY(number(value)), Counted(count));
  };
  EXPECT_TRUE(call(-1).failed_with(EINVAL));
  EXPECT_EQ(count, 0);
  EXPECT_EQ(call(5).value(), 5);
  EXPECT_EQ(count, 0);
}

TEST(Try, EvaluatesItsExpressionOnce) {
  int calls = 0;
  auto once = [&]() -> Result<int> { return ++calls; };
  auto use = [&]() -> Result<int> { return TRY(once()); };
  EXPECT_EQ(use().value(), 1);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace overpass
