// SPDX-License-Identifier: MIT

#include "apply/paths.h"

#include <gtest/gtest.h>

namespace overpass::unit {
namespace {

using apply::is_at_or_below;
using apply::Renames;
using changes::Kind;

Renames renames(std::vector<std::pair<std::string, std::string>> pairs) {
  changes::List list;
  for (auto& [old_path, path] : pairs) list.changes.push_back({Kind::Renamed, path, old_path});
  return Renames(list);
}

TEST(Paths, AreBelowTheirDirectoriesOnly) {
  EXPECT_TRUE(is_at_or_below("a", ""));
  EXPECT_TRUE(is_at_or_below("a", "a"));
  EXPECT_TRUE(is_at_or_below("a/b", "a"));
  EXPECT_FALSE(is_at_or_below("ab", "a"));
  EXPECT_FALSE(is_at_or_below("a", "a/b"));
}

TEST(Paths, FollowTheNearestRename) {
  const Renames all = renames({{"a", "x"}, {"a/b", "x/y"}});
  EXPECT_EQ(all.before("x/c"), "a/c");
  EXPECT_EQ(all.before("x/y/c"), "a/b/c");
  EXPECT_EQ(all.after("a/c"), "x/c");
  EXPECT_EQ(all.after("a/b/c"), "x/y/c");
  EXPECT_EQ(all.before("other"), "other");
}

TEST(Paths, OfTwoThatChangedPlaces) {
  const Renames all = renames({{"a", "b"}, {"b", "a"}});
  EXPECT_EQ(all.before("a/f"), "b/f");
  EXPECT_EQ(all.after("a/f"), "b/f");
}

TEST(Paths, OfWhatCameToBeGoByTheParentAlone) {
  const Renames all = renames({{"a", "x"}});
  EXPECT_EQ(all.parent_before("x"), "x");
  EXPECT_EQ(all.parent_before("x/new"), "a/new");
  EXPECT_EQ(all.parent_after("a"), "a");
  EXPECT_EQ(all.parent_after("a/gone"), "x/gone");
}

}  // namespace
}  // namespace overpass::unit
