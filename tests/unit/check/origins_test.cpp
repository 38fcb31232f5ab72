// SPDX-License-Identifier: MIT
//
// Which files share an origin. What handles lead to is tested where they can be opened: by root, in
// tests/mount/check.

#include "check/origins.h"

#include <gtest/gtest.h>

namespace overpass::check {
namespace {

TEST(OriginOwners, KnowTheFirstInodeOfAnOrigin) {
  OriginOwners owners;
  EXPECT_EQ(owners.note("one", 1), 0U);
  EXPECT_EQ(owners.note("two", 2), 0U);
  EXPECT_EQ(owners.note("one", 3), 1U);
  EXPECT_EQ(owners.note("one", 3), 1U);
}

TEST(OriginOwners, TakeLinksOfOneInodeForOneFile) {
  OriginOwners owners;
  EXPECT_EQ(owners.note("one", 1), 0U);
  EXPECT_EQ(owners.note("one", 1), 0U);
}

}  // namespace
}  // namespace overpass::check
