// SPDX-License-Identifier: MIT
//
// Clean-up at the end of a scope, however that ends.

#include "base/scope_exit.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace overpass {
namespace {

TEST(ScopeExit, RunsAtTheEndOfItsScope) {
  int runs = 0;
  {
    const ScopeExit at_end([&] { ++runs; });
    EXPECT_EQ(runs, 0);
  }
  EXPECT_EQ(runs, 1);
}

TEST(ScopeExit, RunsWhenAnExceptionEndsTheScope) {
  int runs = 0;
  try {
    const ScopeExit at_end([&] { ++runs; });
    throw std::runtime_error("end");
  } catch (const std::runtime_error&) {
    EXPECT_EQ(runs, 1);
  }
  EXPECT_EQ(runs, 1);
}

TEST(ScopeExit, RunsNotOnceItIsDismissed) {
  int runs = 0;
  {
    ScopeExit at_end([&] { ++runs; });
    at_end.dismiss();
  }
  EXPECT_EQ(runs, 0);
}

}  // namespace
}  // namespace overpass
