// SPDX-License-Identifier: MIT
//
// For every mode and every kind of person: a copy with another group allows no more than the file.

#include "overlay/copy_up/copy_up_owner.h"

#include <gtest/gtest.h>

namespace overpass::overlay {
namespace {

struct Person {
  bool in_old_group;
  bool in_new_group;
};

mode_t rights(mode_t mode, bool in_group) { return in_group ? (mode >> 3) & 07 : mode & 07; }

TEST(ModeWithAnotherGroup, GivesNoPersonMoreThanTheFileDid) {
  for (mode_t mode = 0; mode <= 07777; ++mode) {
    const mode_t copy = mode_with_another_group(mode);
    for (const auto& [in_old, in_new] :
         {Person{false, false}, Person{false, true}, Person{true, false}, Person{true, true}}) {
      EXPECT_EQ(rights(copy, in_new) & ~rights(mode, in_old), 0U) << std::oct << mode;
    }
  }
}

TEST(ModeWithAnotherGroup, KeepsTheOwnersRightsAndNoSetIdBits) {
  for (mode_t mode = 0; mode <= 07777; ++mode) {
    EXPECT_EQ(mode_with_another_group(mode) & 01700, mode & 01700) << std::oct << mode;
    EXPECT_EQ(mode_with_another_group(mode) & 06000, 0U) << std::oct << mode;
  }
}

TEST(ModeWithAnotherGroup, KeepsTheRightsThatGroupAndOthersShare) {
  EXPECT_EQ(mode_with_another_group(0644), 0644U);
  EXPECT_EQ(mode_with_another_group(0755), 0755U);
  EXPECT_EQ(mode_with_another_group(0664), 0644U);
}

}  // namespace
}  // namespace overpass::overlay
