// SPDX-License-Identifier: MIT
//
// Which copies are said to be under way.

#include "overlay/state/copies_under_way.h"

#include <gtest/gtest.h>

#include "overlay/state/copy_up_progress.h"

namespace overpass::overlay {
namespace {

TEST(CopiesUnderWay, AreThoseAddedAndNotRemoved) {
  CopiesUnderWay copies;
  const auto first = std::make_shared<CopyUnderWay>(InodeRef(), Caller());
  const auto second = std::make_shared<CopyUnderWay>(InodeRef(), Caller());
  copies.add(first);
  copies.add(second);
  ASSERT_EQ(copies.all().size(), 2U);
  EXPECT_EQ(copies.all().front(), first);
  copies.remove(*first);
  ASSERT_EQ(copies.all().size(), 1U);
  EXPECT_EQ(copies.all().front(), second);
  copies.remove(*first);
  copies.remove(*second);
  EXPECT_TRUE(copies.all().empty());
}

}  // namespace
}  // namespace overpass::overlay
