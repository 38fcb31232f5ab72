// SPDX-License-Identifier: MIT
//
// unlink and rmdir: which marks are left, what is refused, and that what is still open stays
// usable.

#include "overlay/change/remove.h"

#include <gtest/gtest.h>

#include "../union.h"
#include "overlay/change/change_attributes.h"
#include "overlay/change/create.h"
#include "overlay/change/xattr.h"
#include "overlay/find/attributes.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::Handle;
using unit::must;
using unit::Union;
using Names = std::vector<std::string>;

TEST(Remove, LeavesAWhiteoutWhereALowerHasTheName) {
  Union u;
  u.disk.write("lower1/file", "");
  ASSERT_EQ(u.remove("file"), 0);
  EXPECT_TRUE(u.disk.is_whiteout("upper/file"));
  EXPECT_FALSE(u.shows("file"));
  EXPECT_EQ(u.remove("file"), ENOENT);
}

TEST(Remove, LeavesNothingWhereOnlyTheUpperHasTheName) {
  Union u;
  u.write("file", "");
  ASSERT_EQ(u.make_directory("d"), 0);
  ASSERT_EQ(u.remove("file"), 0);
  ASSERT_EQ(u.remove_directory("d"), 0);
  EXPECT_EQ(u.disk.names("upper"), Names());
}

TEST(Remove, CoversTheLowerBelowAFileOfTheUpper) {
  Union u;
  u.disk.write("lower1/file", "old");
  u.disk.write("upper/file", "new");
  ASSERT_EQ(u.remove("file"), 0);
  EXPECT_TRUE(u.disk.is_whiteout("upper/file"));
}

TEST(Remove, LeavesNothingBelowAnOpaqueDirectory) {
  Union u;
  u.disk.write("lower1/d/file", "");
  u.disk.write("upper/d/file", "");
  u.disk.set_xattr("upper/d", "trusted.overlay.opaque", "y");
  ASSERT_EQ(u.remove("d/file"), 0);
  EXPECT_FALSE(u.disk.exists("upper/d/file"));
}

TEST(Remove, NeedsNoSecondWhiteoutAboveOneOfALower) {
  Union u({.lowers = 2});
  u.disk.write("lower2/file", "");
  u.disk.whiteout("lower1/file");
  u.write("file", "new");
  ASSERT_EQ(u.remove("file"), 0);
  EXPECT_FALSE(u.disk.exists("upper/file"));
}

TEST(Remove, SharesOneInodeAmongWhiteouts) {
  Union u;
  for (int i = 0; i < 10; ++i) u.disk.write("lower1/" + std::to_string(i), "");
  for (int i = 0; i < 10; ++i) ASSERT_EQ(u.remove(std::to_string(i)), 0);
  EXPECT_GT(u.disk.stat("upper/0").st_nlink, 10U);
}

TEST(Remove, TellsFilesFromDirectories) {
  Union u;
  u.disk.write("lower1/file", "");
  u.disk.directory("lower1/d");
  EXPECT_EQ(u.remove("d"), EISDIR);
  EXPECT_EQ(u.remove_directory("file"), ENOTDIR);
  EXPECT_EQ(u.remove_directory("absent"), ENOENT);
}

TEST(Remove, RefusesDirectoriesThatShowSomething) {
  Union u({.lowers = 2});
  u.disk.write("lower1/of the lower/x", "");
  u.disk.write("upper/of the upper/x", "");
  u.disk.write("lower2/merged/x", "");
  u.disk.directory("lower1/merged");
  u.disk.write("lower2/half/x", "");
  u.disk.write("lower2/half/y", "");
  u.disk.whiteout("upper/half/x");
  for (const char* name : {"of the lower", "of the upper", "merged", "half"}) {
    EXPECT_EQ(u.remove_directory(name), ENOTEMPTY) << name;
    EXPECT_TRUE(u.shows(name));
  }
}

TEST(Remove, TakesAMergedDirectoryFullOfWhiteouts) {
  Union u;
  for (const char* name : {"x", "y", "z"}) u.disk.write(std::string("lower1/d/") + name, "");
  u.disk.directory("lower1/d/sub");
  for (const char* name : {"x", "y", "z"}) ASSERT_EQ(u.remove(std::string("d/") + name), 0);
  ASSERT_EQ(u.remove_directory("d/sub"), 0);
  ASSERT_EQ(u.remove_directory("d"), 0);
  EXPECT_TRUE(u.disk.is_whiteout("upper/d"));
  EXPECT_FALSE(u.shows("d"));
  EXPECT_EQ(u.disk.names("work/work").size(), 1U) << "temporaries are left";
}

TEST(Remove, TakesADirectoryThatOnlyMarksOfALowerFill) {
  Union u({.lowers = 2});
  u.disk.whiteout("lower1/d/a");
  u.disk.write("lower1/d/.wh.b", "");
  u.disk.write("lower2/d/a", "");
  u.disk.write("lower2/d/b", "");
  ASSERT_EQ(u.remove_directory("d"), 0);
  EXPECT_FALSE(u.shows("d"));
}

TEST(Remove, TakesADirectoryOfTheUpperThatIsFullOfItsOwnWhiteouts) {
  Union u;
  u.disk.whiteout("upper/d/a");
  u.disk.write("upper/d/.wh.b", "");
  ASSERT_EQ(u.remove_directory("d"), 0);
  EXPECT_FALSE(u.disk.exists("upper/d"));
}

TEST(Removed, FilesOfTheUpperStayUsable) {
  Union u;
  u.write("file", "text");
  Handle handle = u.open("file", O_RDWR);
  const InodeRef inode = u.at("file");
  ASSERT_EQ(u.remove("file"), 0);
  EXPECT_EQ(handle.read(), "text");
  handle.write("TEXT");
  EXPECT_EQ(handle.read(), "TEXT");
  EXPECT_EQ(must(attributes(u.overlay(), inode)).stx_nlink, 0U);
  Changes changes;
  changes.mode = 0600;
  EXPECT_TRUE(change_attributes(u.overlay(), unit::kRoot, inode, changes, nullptr));
  changes.mode.reset();
  changes.size = 2;
  EXPECT_EQ(
      must(change_attributes(u.overlay(), unit::kRoot, inode, changes, &handle.file())).stx_size,
      2U);
  EXPECT_TRUE(set_xattr(u.overlay(), unit::kRoot, inode, "user.x", "y", 0));
}

TEST(Removed, FilesOfALowerStayUsable) {
  Union u;
  u.disk.write("lower1/file", "text");
  Handle handle = u.open("file", O_RDONLY);
  const InodeRef inode = u.at("file");
  ASSERT_EQ(u.remove("file"), 0);
  EXPECT_EQ(handle.read(), "text");
  EXPECT_EQ(must(attributes(u.overlay(), inode)).stx_size, 4U);
  // Through /proc/self/fd.
  EXPECT_EQ(must(u.open_node(inode, O_RDONLY)).read(), "text");
}

TEST(Removed, FilesOfALowerAreCopiedUpWithoutAName) {
  Union u;
  u.disk.write("lower1/file", "text");
  const InodeRef inode = u.at("file");
  ASSERT_EQ(u.remove("file"), 0);
  Changes changes;
  changes.mode = 0600;
  EXPECT_EQ(
      must(change_attributes(u.overlay(), unit::kRoot, inode, changes, nullptr)).stx_mode & 0777,
      0600U);
  EXPECT_TRUE(u.disk.is_whiteout("upper/file"));
  Handle handle = must(u.open_node(inode, O_RDWR));
  handle.write("TEXT");
  EXPECT_EQ(handle.read(), "TEXT");
  EXPECT_FALSE(u.shows("file"));
  EXPECT_EQ(u.disk.read("lower1/file"), "text");
}

TEST(Removed, FilesGiveWayToNewOnesOfTheName) {
  Union u;
  u.disk.write("lower1/file", "old");
  Handle old = u.open("file", O_RDONLY);
  ASSERT_EQ(u.remove("file"), 0);
  u.write("file", "new");
  EXPECT_EQ(old.read(), "old");
  EXPECT_EQ(u.read("file"), "new");
  EXPECT_NE(u.at("file").get(), old.node().get());
}

TEST(Removed, FilesGiveBackTheirIdleBackings) {
  Union u;
  u.write("file", "text");
  const InodeRef held = u.at("file");
  EXPECT_EQ(u.read("file"), "text");
  EXPECT_EQ(u.backings.registered(), 1U);
  ASSERT_EQ(u.remove("file"), 0);
  EXPECT_EQ(u.backings.registered(), 0U);
}

TEST(Removed, FilesGiveBackTheirBackingsWhenTheyAreReleased) {
  Union u;
  u.write("file", "text");
  {
    const Handle handle = u.open("file", O_RDONLY);
    ASSERT_EQ(u.remove("file"), 0);
    EXPECT_EQ(u.backings.registered(), 1U);
  }
  EXPECT_EQ(u.backings.registered(), 0U);
}

TEST(Removed, NamesOfAHardLinkLeaveTheOthers) {
  Union u;
  u.write("a", "text");
  ASSERT_EQ(u.link("a", "b"), 0);
  ASSERT_EQ(u.link("a", "c"), 0);
  ASSERT_EQ(u.remove("a"), 0);
  EXPECT_EQ(u.read("b"), "text");
  EXPECT_EQ(u.stat("b").stx_nlink, 2U);
  ASSERT_EQ(u.remove("c"), 0);
  EXPECT_EQ(u.stat("b").stx_nlink, 1U);
  ASSERT_EQ(u.remove("b"), 0);
}

TEST(Removed, DirectoriesAreEmptyAndTakeNothing) {
  Union u;
  ASSERT_EQ(u.make_directory("d"), 0);
  const InodeRef d = u.at("d");
  ASSERT_EQ(u.remove_directory("d"), 0);
  EXPECT_EQ(must(attributes(u.overlay(), d)).stx_nlink, 0U);
  EXPECT_EQ(error_of(create_file(u.overlay(), unit::kRoot, d, "x", O_RDWR, 0644)), ENOENT);
}

TEST(Removed, DirectoriesOfALowerTakeNothing) {
  Union u;
  u.disk.directory("lower1/d");
  const InodeRef d = u.at("d");
  ASSERT_EQ(u.remove_directory("d"), 0);
  EXPECT_EQ(error_of(create_file(u.overlay(), unit::kRoot, d, "x", O_RDWR, 0644)), ENOENT);
  EXPECT_TRUE(u.disk.is_whiteout("upper/d"));
}

}  // namespace
}  // namespace overpass::overlay
