// SPDX-License-Identifier: MIT
//
// What a name of the union leads to, for every way in which layers can have it.

#include "overlay/find/lookup.h"

#include <gtest/gtest.h>

#include "../union.h"
#include "layer/markers.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::must;
using unit::Union;
using unit::UnionOptions;

constexpr char kOpaque[] = "trusted.overlay.opaque";

TEST(Lookup, FindsTheTopmostFile) {
  Union u({.lowers = 2});
  u.disk.write("lower2/both", "bottom");
  u.disk.write("lower1/both", "top");
  u.disk.write("lower2/bottom", "only here");
  u.disk.write("upper/new", "upper");
  EXPECT_EQ(u.read("both"), "top");
  EXPECT_EQ(u.read("bottom"), "only here");
  EXPECT_EQ(u.read("new"), "upper");
}

TEST(Lookup, SaysThatAbsentNamesDoNotExist) {
  Union u;
  u.disk.write("lower1/file", "");
  EXPECT_EQ(error_of(u.look_up("absent")), ENOENT);
  EXPECT_EQ(error_of(u.look_up("file/below")), ENOTDIR);
  EXPECT_EQ(error_of(u.look_up(std::string(256, 'x'))), ENAMETOOLONG);
}

TEST(Lookup, HidesNamesBelowAWhiteout) {
  Union u({.lowers = 2});
  u.disk.write("lower2/a", "");
  u.disk.write("lower2/b", "");
  u.disk.whiteout("lower1/a");
  u.disk.whiteout("upper/b");
  EXPECT_FALSE(u.shows("a"));
  EXPECT_FALSE(u.shows("b"));
}

TEST(Lookup, ShowsNamesAboveAWhiteoutAgain) {
  Union u({.lowers = 3});
  u.disk.write("lower3/a", "old");
  u.disk.whiteout("lower2/a");
  u.disk.write("lower1/a", "new");
  EXPECT_EQ(u.read("a"), "new");
}

TEST(Lookup, MergesDirectoriesUntilSomethingElseIsInTheWay) {
  Union u({.lowers = 4});
  u.disk.write("lower4/d/four", "");
  u.disk.write("lower3/d", "a file");
  u.disk.write("lower2/d/two", "");
  u.disk.write("lower1/d/one", "");
  EXPECT_TRUE(u.shows("d/one"));
  EXPECT_TRUE(u.shows("d/two"));
  EXPECT_FALSE(u.shows("d/four"));
}

TEST(Lookup, StopsMergingBelowAnOpaqueDirectory) {
  Union u({.lowers = 2});
  u.disk.write("lower2/d/below", "");
  u.disk.write("lower1/d/above", "");
  u.disk.set_xattr("lower1/d", kOpaque, "y");
  EXPECT_TRUE(u.shows("d/above"));
  EXPECT_FALSE(u.shows("d/below"));
}

TEST(Lookup, TakesNoOtherValueOfTheMarkForOpaque) {
  Union u({.lowers = 2});
  u.disk.write("lower2/d/below", "");
  for (const char* value : {"", "n", "yes", "Y", "x"}) {
    u.disk.directory("lower1/d");
    u.disk.set_xattr("lower1/d", kOpaque, value);
    EXPECT_TRUE(u.shows("d/below")) << "'" << value << "'";
    u.remount();
  }
}

TEST(Lookup, DoesNotTakeTheMarkOfTheOtherPrefix) {
  Union u({.lowers = 2, .userxattr = true});
  u.disk.write("lower2/d/below", "");
  u.disk.directory("lower1/d");
  u.disk.set_xattr("lower1/d", kOpaque, "y");
  EXPECT_TRUE(u.shows("d/below"));
  u.remount();
  u.disk.set_xattr("lower1/d", "user.overlay.opaque", "y");
  EXPECT_FALSE(u.shows("d/below"));
}

TEST(Lookup, CoversADirectoryByAFileAndTheReverse) {
  Union u({.lowers = 2});
  u.disk.write("lower2/a/inside", "");
  u.disk.write("lower1/a", "file");
  u.disk.write("lower2/b", "file");
  u.disk.write("lower1/b/inside", "");
  EXPECT_EQ(u.read("a"), "file");
  EXPECT_TRUE(u.shows("b/inside"));
}

TEST(Lookup, DoesNotFollowSymbolicLinksOfALayer) {
  Union u({.lowers = 2});
  u.disk.write("lower2/d/secret", "");
  ASSERT_EQ(::symlink("d", u.disk.path("lower1/link").c_str()), 0);
  EXPECT_TRUE(S_ISLNK(u.stat("link").stx_mode));
  EXPECT_EQ(error_of(u.look_up("link/secret")), ENOTDIR);
}

TEST(Lookup, ReadsTheMarksOfFuseOverlayfs) {
  Union u({.lowers = 2});
  u.disk.write("lower2/a", "");
  u.disk.write("lower1/.wh.a", "");
  u.disk.write("lower2/b/below", "");
  u.disk.write("lower1/b/.wh..wh..opq", "");
  u.disk.write("lower2/c/below", "");
  u.disk.directory("lower1/c");
  u.disk.set_xattr("lower1/c", "user.fuseoverlayfs.opaque", "y");
  EXPECT_FALSE(u.shows("a"));
  EXPECT_FALSE(u.shows(".wh.a"));
  EXPECT_FALSE(u.shows("b/below"));
  EXPECT_FALSE(u.shows("c/below"));
}

TEST(Lookup, ReadsWhiteoutsThatAreAttributes) {
  Union u({.lowers = 2});
  u.disk.write("lower2/d/a", "");
  u.disk.write("lower2/d/b", "");
  u.disk.write("lower1/d/a", "");
  u.disk.set_xattr("lower1/d/a", "trusted.overlay.whiteout", "");
  u.disk.set_xattr("lower1/d", kOpaque, "x");
  EXPECT_FALSE(u.shows("d/a"));
  EXPECT_TRUE(u.shows("d/b"));
}

TEST(Lookup, RefusesToFollowForbiddenMarks) {
  Union u({.lowers = 2, .userxattr = true});
  u.disk.directory("lower1/moved");
  u.disk.set_xattr("lower1/moved", "user.overlay.redirect", "elsewhere");
  u.disk.write("lower1/hollow", "");
  u.disk.set_xattr("lower1/hollow", "user.overlay.metacopy", "");
  EXPECT_EQ(error_of(u.look_up("moved")), EPERM);
  EXPECT_EQ(error_of(u.look_up("hollow")), EPERM);
}

TEST(Lookup, RefusesAMetacopyWithoutData) {
  Union u;
  u.disk.write("lower1/hollow", "");
  u.disk.set_xattr("lower1/hollow", "trusted.overlay.metacopy", "");
  // With metacopy=on it is EIO (Metacopy.WithoutItsBytesIsAnError).
  EXPECT_EQ(error_of(u.look_up("hollow")), EPERM);
}

TEST(Lookup, GivesEachNameOneInode) {
  Union u;
  u.disk.write("lower1/file", "");
  EXPECT_EQ(u.at("file").get(), u.at("file").get());
  const InodeRef held = u.at("file");
  EXPECT_EQ(u.at("file")->id, held->id);
}

TEST(Lookup, NumbersAMergedDirectoryAsItsTopmostLower) {
  Union u({.lowers = 2});
  u.disk.directory("lower2/d");
  const uint64_t ino = u.disk.stat(u.disk.directory("lower1/d").empty() ? "" : "lower1/d").st_ino;
  u.disk.directory("upper/d");
  EXPECT_EQ(u.stat("d").stx_ino, ino);
  EXPECT_EQ(u.stat("d").stx_nlink, 1U);
}

TEST(Lookup, NoticesThatAFileOfTheUpperVanishedBehindItsBack) {
  Union u;
  u.disk.write("upper/file", "first");
  const InodeRef held = u.at("file");
  ASSERT_EQ(::unlink(u.disk.path("upper/file").c_str()), 0);
  EXPECT_FALSE(u.shows("file"));
  u.disk.write("upper/file", "second");
  EXPECT_EQ(u.read("file"), "second");
}

TEST(Lookup, ReachesDirectoriesBeyondTheLengthOfAPath) {
  Union u;
  const std::string name(250, 'd');
  int at = must(Result<int>(::open(u.disk.path("lower1").c_str(), O_PATH | O_CLOEXEC)));
  InodeRef directory = u.at("");
  for (int depth = 0; depth < 40; ++depth) {
    ASSERT_EQ(::mkdirat(at, name.c_str(), 0755), 0);
    const int next = ::openat(at, name.c_str(), O_PATH | O_CLOEXEC);
    ::close(at);
    at = next;
    directory = must(lookup(u.overlay(), directory, name.c_str())).inode;
  }
  ASSERT_EQ(::mknodat(at, "deep", S_IFREG | 0644, 0), 0);
  ::close(at);
  EXPECT_TRUE(lookup(u.overlay(), directory, "deep"));
}

/// How many lowers there are decides whether their listing is read first.
class LookupThroughManyLowers : public testing::TestWithParam<size_t> {};

TEST_P(LookupThroughManyLowers, FindsEachNameInItsLayer) {
  const size_t count = GetParam();
  Union u({.lowers = count});
  for (size_t i = 1; i <= count; ++i) {
    const std::string lower = "lower" + std::to_string(i);
    u.disk.write(lower + "/d/own" + std::to_string(i), lower);
    u.disk.write(lower + "/d/all", lower);
    u.disk.write(lower + "/d/sub/" + lower, lower);
    // Each layer hides what the one below it has of its own kind.
    if (i < count) u.disk.whiteout(lower + "/d/hidden" + std::to_string(i + 1));
    u.disk.write(lower + "/d/hidden" + std::to_string(i), lower);
  }
  EXPECT_EQ(u.read("d/all"), "lower1");
  for (size_t i = 1; i <= count; ++i) {
    const std::string number = std::to_string(i);
    EXPECT_EQ(u.read("d/own" + number), "lower" + number);
    EXPECT_TRUE(u.shows("d/sub/lower" + number));
    EXPECT_EQ(u.shows("d/hidden" + number), i == 1) << i;
  }
  EXPECT_FALSE(u.shows("d/absent"));
}

INSTANTIATE_TEST_SUITE_P(Counts, LookupThroughManyLowers, testing::Values(2, 3, 4, 5, 20));

}  // namespace
}  // namespace overpass::overlay
