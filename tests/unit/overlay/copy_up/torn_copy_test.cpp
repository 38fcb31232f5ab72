// SPDX-License-Identifier: MIT

#include "overlay/copy_up/torn_copy.h"

#include <gtest/gtest.h>

#include "../union.h"
#include "overlay/state/caller.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::Union;

class TornCopy : public ::testing::Test {
 protected:
  void SetUp() override { u.disk.write("lower1/file", "content"); }
  /// Tries copies of which the first `torn` are torn.
  Result<void> copy(int torn, bool may_wait = true) {
    tries = 0;
    const InodeRef inode = u.at("file");
    return until_whole(*inode, may_wait, [&]() -> Result<bool> { return tries++ >= torn; });
  }

  Union u;
  int tries = 0;
};

TEST_F(TornCopy, IsMadeAgainUntilItIsWhole) {
  for (int torn = 0; torn < kMostCopies; ++torn) {
    EXPECT_TRUE(copy(torn)) << torn;
    EXPECT_EQ(tries, torn + 1);
  }
}

TEST_F(TornCopy, IsGivenUpInTheEnd) {
  EXPECT_EQ(error_of(copy(kMostCopies)), EBUSY);
  EXPECT_EQ(tries, kMostCopies);
}

TEST_F(TornCopy, IsNotMadeAgainWhereTheCallerMayNotWait) {
  EXPECT_TRUE(copy(0, /*may_wait=*/false));
  EXPECT_EQ(error_of(copy(1, /*may_wait=*/false)), kMustWait);
  EXPECT_EQ(tries, 1);
}

TEST_F(TornCopy, FailsWithTheErrorOfACopy) {
  const InodeRef inode = u.at("file");
  EXPECT_EQ(error_of(until_whole(*inode, true, []() -> Result<bool> { return fail(ENOSPC); })),
            ENOSPC);
}

}  // namespace
}  // namespace overpass::overlay
