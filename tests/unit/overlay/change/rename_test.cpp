// SPDX-License-Identifier: MIT
//
// renameat2 on the union: what moves, what is left behind, what is refused.

#include "overlay/change/rename.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include "../union.h"

namespace overpass::overlay {
namespace {

using unit::Handle;
using unit::Union;
using Names = std::vector<std::string>;

constexpr char kOpaque[] = "trusted.overlay.opaque";

TEST(Rename, LeavesAWhiteoutWhereALowerHasTheOldName) {
  Union u;
  u.disk.write("lower1/old", "text");
  ASSERT_EQ(u.rename("old", "new"), 0);
  EXPECT_FALSE(u.shows("old"));
  EXPECT_EQ(u.read("new"), "text");
  EXPECT_TRUE(u.disk.is_whiteout("upper/old"));
  EXPECT_EQ(u.disk.read("lower1/old"), "text");
}

TEST(Rename, LeavesNothingWhereOnlyTheUpperHasTheOldName) {
  Union u;
  u.write("old", "text");
  ASSERT_EQ(u.rename("old", "new"), 0);
  EXPECT_EQ(u.disk.names("upper"), Names{"new"});
}

TEST(Rename, KeepsTheInodeAndItsNumber) {
  Union u;
  u.disk.write("lower1/old", "text");
  const InodeRef inode = u.at("old");
  const uint64_t number = inode->ino;
  ASSERT_EQ(u.rename("old", "new"), 0);
  EXPECT_EQ(u.at("new").get(), inode.get());
  EXPECT_EQ(u.stat("new").stx_ino, number);
}

TEST(Rename, ReplacesFilesOfEitherLayer) {
  Union u;
  u.disk.write("lower1/a", "a");
  u.disk.write("lower1/b", "b");
  u.disk.write("upper/c", "c");
  ASSERT_EQ(u.rename("a", "b"), 0);
  EXPECT_EQ(u.read("b"), "a");
  ASSERT_EQ(u.rename("b", "c"), 0);
  EXPECT_EQ(u.read("c"), "a");
  EXPECT_FALSE(u.shows("b"));
  u.remount();
  EXPECT_EQ(u.names(""), Names{"c"});
}

TEST(Rename, KeepsAReplacedFileUsable) {
  Union u;
  u.disk.write("lower1/a", "a");
  u.write("b", "b");
  Handle replaced = u.open("b", O_RDWR);
  ASSERT_EQ(u.rename("a", "b"), 0);
  EXPECT_EQ(replaced.read(), "b");
  replaced.write("B");
  EXPECT_EQ(u.read("b"), "a");
}

TEST(Rename, MovesOverAWhiteout) {
  Union u;
  u.disk.write("lower1/gone", "old");
  ASSERT_EQ(u.remove("gone"), 0);
  u.write("file", "new");
  ASSERT_EQ(u.rename("file", "gone"), 0);
  EXPECT_EQ(u.read("gone"), "new");
  EXPECT_EQ(u.disk.names("upper"), Names{"gone"});
}

TEST(Rename, MovesADirectoryOverAWhiteoutWithoutMergingIt) {
  Union u;
  u.disk.write("lower1/gone/below", "");
  ASSERT_EQ(u.remove("gone/below"), 0);
  ASSERT_EQ(u.remove_directory("gone"), 0);
  ASSERT_EQ(u.make_directory("d"), 0);
  u.write("d/inside", "");
  ASSERT_EQ(u.rename("d", "gone"), 0);
  EXPECT_EQ(u.names("gone"), Names{"inside"});
  EXPECT_EQ(u.disk.xattr("upper/gone", kOpaque), "y");
  EXPECT_EQ(u.disk.names("upper"), Names{"gone"});
  u.remount();
  EXPECT_EQ(u.names("gone"), Names{"inside"});
}

TEST(Rename, MovesADirectoryOverAnEmptyMergedOne) {
  Union u;
  u.disk.write("lower1/target/below", "");
  ASSERT_EQ(u.remove("target/below"), 0);
  ASSERT_EQ(u.make_directory("d"), 0);
  u.write("d/inside", "");
  ASSERT_EQ(u.rename("d", "target"), 0);
  EXPECT_EQ(u.names("target"), Names{"inside"});
  EXPECT_FALSE(u.shows("d"));
  u.remount();
  EXPECT_EQ(u.names(""), Names{"target"});
  EXPECT_EQ(u.names("target"), Names{"inside"});
}

TEST(Rename, MovesADirectoryOverAnEmptyOneOfALower) {
  Union u;
  u.disk.directory("lower1/target");
  ASSERT_EQ(u.make_directory("d"), 0);
  u.write("d/inside", "");
  ASSERT_EQ(u.rename("d", "target"), 0);
  u.remount();
  EXPECT_EQ(u.names("target"), Names{"inside"});
  EXPECT_EQ(u.disk.xattr("upper/target", kOpaque), "y");
}

TEST(Rename, RefusesAsTheKernelDoes) {
  Union u;
  u.disk.write("lower1/file", "");
  u.disk.write("lower1/full/x", "");
  ASSERT_EQ(u.make_directory("d"), 0);
  EXPECT_EQ(u.rename("absent", "new"), ENOENT);
  EXPECT_EQ(u.rename("d", "file"), ENOTDIR);
  EXPECT_EQ(u.rename("file", "d"), EISDIR);
  EXPECT_EQ(u.rename("d", "full"), ENOTEMPTY);
  EXPECT_EQ(u.rename("file", ".wh.file"), EPERM);
  EXPECT_EQ(u.rename("file", "d", RENAME_NOREPLACE), EEXIST);
  EXPECT_EQ(u.rename("file", "new", RENAME_WHITEOUT), EINVAL);
  EXPECT_EQ(u.rename("file", "absent", RENAME_EXCHANGE), ENOENT);
  EXPECT_TRUE(u.shows("file"));
  EXPECT_TRUE(u.shows("full/x"));
}

TEST(Rename, MovesDirectoriesOfLowersWithTheirContent) {
  Union u;
  u.disk.write("lower1/of the lower/d/x", "1");
  u.disk.write("lower1/merged/x", "2");
  u.disk.directory("upper/merged");
  const uint64_t ino = u.stat("merged").stx_ino;
  {
    const auto below = u.at("of the lower/d");
    ASSERT_EQ(u.rename("of the lower", "merged/moved"), 0);
    ASSERT_EQ(u.rename("merged", "new"), 0);
    EXPECT_EQ(u.read("new/moved/d/x"), "1");
    EXPECT_EQ(u.at("new/moved/d").get(), below.get());
  }
  u.write("new/moved/d/x", "3");
  u.remount();
  EXPECT_EQ(u.read("new/moved/d/x"), "3");
  EXPECT_EQ(u.read("new/x"), "2");
  EXPECT_EQ(u.stat("new").stx_ino, ino);
  EXPECT_EQ(u.names(""), std::vector<std::string>{"new"});
}

TEST(Rename, RefusesDirectoriesThatLowersContributeToWithoutRedirects) {
  Union u({.format = {.redirect_dir = layer::RedirectDir::NoFollow}});
  u.disk.write("lower1/of the lower/x", "");
  u.disk.write("lower1/merged/x", "");
  u.disk.directory("upper/merged");
  ASSERT_EQ(u.make_directory("own"), 0);
  for (const char* name : {"of the lower", "merged"}) {
    EXPECT_EQ(u.rename(name, "new"), EXDEV) << name;
    EXPECT_EQ(u.rename("own", name, RENAME_EXCHANGE), EXDEV) << name;
    EXPECT_EQ(u.rename(name, "own", RENAME_EXCHANGE), EXDEV) << name;
  }
  EXPECT_TRUE(u.shows("of the lower/x"));
}

TEST(Rename, MovesOpaqueDirectories) {
  Union u;
  u.disk.write("lower1/d/x", "");
  ASSERT_EQ(u.remove("d/x"), 0);
  ASSERT_EQ(u.remove_directory("d"), 0);
  ASSERT_EQ(u.make_directory("d"), 0);
  u.write("d/inside", "");
  ASSERT_EQ(u.rename("d", "e"), 0);
  EXPECT_FALSE(u.shows("d"));
  EXPECT_EQ(u.names("e"), Names{"inside"});
  u.remount();
  EXPECT_EQ(u.names(""), Names{"e"});
}

TEST(Rename, ExchangesFilesOfDifferentLayers) {
  Union u;
  u.disk.write("lower1/a", "a");
  u.disk.write("lower1/d/b", "b");
  ASSERT_EQ(u.rename("a", "d/b", RENAME_EXCHANGE), 0);
  EXPECT_EQ(u.read("a"), "b");
  EXPECT_EQ(u.read("d/b"), "a");
  u.remount();
  EXPECT_EQ(u.read("a"), "b");
  EXPECT_EQ(u.read("d/b"), "a");
}

TEST(Rename, ExchangesADirectoryWithAFileOfALower) {
  Union u;
  u.disk.write("lower1/name/below", "");
  ASSERT_EQ(u.remove("name/below"), 0);
  ASSERT_EQ(u.remove_directory("name"), 0);
  u.write("name", "file");
  ASSERT_EQ(u.make_directory("d"), 0);
  u.write("d/inside", "");
  ASSERT_EQ(u.rename("d", "name", RENAME_EXCHANGE), 0);
  EXPECT_EQ(u.read("d"), "file");
  u.remount();
  EXPECT_EQ(u.names("name"), Names{"inside"});
}

TEST(Rename, DoesNothingBetweenTwoLinksOfAFile) {
  Union u;
  u.write("a", "text");
  ASSERT_EQ(u.link("a", "b"), 0);
  ASSERT_EQ(u.rename("a", "b"), 0);
  EXPECT_EQ(u.names(""), (Names{"a", "b"}));
}

TEST(Rename, MovesOneOfSeveralLinks) {
  Union u;
  u.disk.directory("lower1/d");
  u.write("a", "text");
  ASSERT_EQ(u.link("a", "b"), 0);
  ASSERT_EQ(u.rename("b", "d/c"), 0);
  EXPECT_EQ(u.at("a").get(), u.at("d/c").get());
  EXPECT_EQ(u.names(""), (Names{"a", "d"}));
  ASSERT_EQ(u.remove("a"), 0);
  EXPECT_EQ(u.read("d/c"), "text");
}

TEST(Rename, ReachesFilesInMovedDirectories) {
  Union u;
  ASSERT_EQ(u.make_directory("a"), 0);
  ASSERT_EQ(u.make_directory("a/b"), 0);
  u.write("a/b/file", "text");
  const InodeRef file = u.at("a/b/file");
  ASSERT_EQ(u.make_directory("c"), 0);
  ASSERT_EQ(u.rename("a", "c/a"), 0);
  EXPECT_EQ(unit::must(u.open_node(file, O_RDONLY)).read(), "text");
  EXPECT_EQ(u.at("c/a/b/file").get(), file.get());
}

TEST(Rename, TakesHandlesAlong) {
  Union u;
  u.disk.write("lower1/old", "text");
  Handle reader = u.open("old", O_RDONLY);
  Handle writer = u.open("old", O_RDWR);
  ASSERT_EQ(u.rename("old", "new"), 0);
  writer.write("TEXT");
  EXPECT_EQ(u.read("new"), "TEXT");
  EXPECT_EQ(reader.read(), "text");
}

TEST(Rename, KeepsTheNumbersOfCopiedUpFilesInOtherDirectories) {
  Union u;
  u.disk.write("lower1/d/file", "text");
  const uint64_t number = u.stat("d/file").stx_ino;
  ASSERT_EQ(u.make_directory("e"), 0);
  ASSERT_EQ(u.rename("d/file", "e/file"), 0);
  u.remount();
  EXPECT_EQ(u.stat("e/file").stx_ino, number);
}

}  // namespace
}  // namespace overpass::overlay
