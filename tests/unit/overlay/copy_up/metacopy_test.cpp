// SPDX-License-Identifier: MIT
//
// Copies without bytes: when they are made, where their bytes are found, when these follow. Most
// of the code is content.cpp's and copy_up_data.cpp's.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include "../union.h"
#include "overlay/find/content.h"

namespace overpass::overlay {
namespace {

using unit::Handle;
using unit::Union;
using unit::UnionOptions;

constexpr char kMetacopy[] = "trusted.overlay.metacopy";
constexpr char kRedirect[] = "trusted.overlay.redirect";

UnionOptions with_metacopies(size_t lowers = 1) {
  return {.lowers = lowers, .format = {.metacopy = true}};
}

/// A file of this layer that says its bytes are elsewhere.
void leave_hollow(Union& u, const std::string& name, off_t size, const char* redirect = nullptr) {
  u.disk.write(name, "");
  unit::checked(::truncate(u.disk.path(name).c_str(), size), name);
  u.disk.set_xattr(name, kMetacopy, "");
  if (redirect != nullptr) u.disk.set_xattr(name, kRedirect, redirect);
}

TEST(Metacopy, IsMadeForAChangeOfAttributes) {
  Union u(with_metacopies());
  u.disk.write("lower1/file", "some text");
  ASSERT_EQ(u.chmod("file", 0600), 0);
  EXPECT_EQ(u.disk.xattr("upper/file", kMetacopy), "");
  EXPECT_EQ(u.disk.read("upper/file"), std::string(9, '\0'));
  EXPECT_EQ(u.read("file"), "some text");
  u.remount();
  EXPECT_EQ(u.read("file"), "some text");
  EXPECT_EQ(u.stat("file").stx_mode & 07777, 0600);
}

TEST(Metacopy, ShowsTheBlocksOfItsBytes) {
  Union u(with_metacopies());
  u.disk.write("lower1/file", std::string(100'000, 'x'));
  const uint64_t blocks = u.stat("file").stx_blocks;
  EXPECT_GT(blocks, 0U);
  ASSERT_EQ(u.chmod("file", 0600), 0);
  EXPECT_EQ(u.stat("file").stx_blocks, blocks);
}

TEST(Metacopy, IsNotMadeOfAnEmptyFileNorUnlessChosen) {
  Union u(with_metacopies());
  u.disk.write("lower1/empty", "");
  ASSERT_EQ(u.chmod("empty", 0600), 0);
  EXPECT_EQ(u.disk.xattr("upper/empty", kMetacopy), "-");
  Union without;
  without.disk.write("lower1/file", "text");
  ASSERT_EQ(without.chmod("file", 0600), 0);
  EXPECT_EQ(without.disk.xattr("upper/file", kMetacopy), "-");
  EXPECT_EQ(without.disk.read("upper/file"), "text");
}

TEST(Metacopy, GetsItsBytesForTheFirstWriter) {
  Union u(with_metacopies());
  u.disk.write("lower1/file", "some text");
  ASSERT_EQ(u.chmod("file", 0600), 0);
  u.write("file", "SOME");
  EXPECT_EQ(u.disk.xattr("upper/file", kMetacopy), "-");
  EXPECT_EQ(u.disk.read("upper/file"), "SOME text");
  EXPECT_EQ(u.disk.read("lower1/file"), "some text");
}

TEST(Metacopy, GetsOnlyTheBytesThatATruncationLeaves) {
  Union u(with_metacopies());
  u.disk.write("lower1/file", "some text");
  ASSERT_EQ(u.chmod("file", 0600), 0);
  ASSERT_EQ(u.truncate("file", 4), 0);
  EXPECT_EQ(u.read("file"), "some");
  EXPECT_EQ(u.disk.xattr("upper/file", kMetacopy), "-");
}

TEST(Metacopy, KeepsAReaderOfTheLowerOnTheSameBytes) {
  Union u(with_metacopies());
  u.disk.write("lower1/file", "some text");
  Handle old = u.open("file", O_RDONLY);
  ASSERT_EQ(u.chmod("file", 0600), 0);
  EXPECT_EQ(old.read(), "some text");
  u.write("file", "SOME");
  EXPECT_EQ(old.read(), "some text");
  EXPECT_EQ(u.read("file"), "SOME text");
}

TEST(Metacopy, IsMarkedWithItsOldNameWhenItMoves) {
  Union u(with_metacopies());
  u.disk.write("lower1/a/file", "text");
  u.disk.directory("lower1/b");
  ASSERT_EQ(u.rename("a/file", "a/near"), 0);
  EXPECT_EQ(u.disk.xattr("upper/a/near", kRedirect), "file");
  ASSERT_EQ(u.rename("a/near", "b/far"), 0);
  EXPECT_EQ(u.disk.xattr("upper/b/far", kRedirect), "/a/file");
  ASSERT_EQ(u.link("b/far", "linked"), 0);
  u.remount();
  EXPECT_EQ(u.read("b/far"), "text");
  EXPECT_EQ(u.read("linked"), "text");
}

TEST(Metacopy, IsFollowedFromLowerToLower) {
  Union u(with_metacopies(3));
  leave_hollow(u, "lower1/one", 4, "two");
  leave_hollow(u, "lower2/two", 4, "/dir/three");
  u.disk.write("lower3/dir/three", "text");
  EXPECT_EQ(u.read("one"), "text");
  ASSERT_EQ(u.chmod("one", 0600), 0);
  u.remount();
  EXPECT_EQ(u.read("one"), "text");
}

TEST(Metacopy, WithoutItsBytesIsAnError) {
  Union u(with_metacopies(2));
  leave_hollow(u, "lower1/alone", 4);
  leave_hollow(u, "lower1/whiteout", 4);
  u.disk.whiteout("lower2/whiteout");
  leave_hollow(u, "lower1/directory", 4);
  u.disk.directory("lower2/directory");
  leave_hollow(u, "lower1/elsewhere", 4, "/nowhere");
  leave_hollow(u, "lower2/last", 4);
  for (const char* name : {"alone", "whiteout", "directory", "elsewhere"}) {
    EXPECT_EQ(unit::error_of(u.look_up(name)), EIO) << name;
  }
}

TEST(Metacopy, WithAShortMarkIsAnError) {
  Union u(with_metacopies());
  for (const char* value : {"x", "xx", "xxx"}) {
    leave_hollow(u, "upper/file", 4);
    u.disk.set_xattr("upper/file", kMetacopy, value);
    EXPECT_EQ(unit::error_of(u.look_up("file")), EIO) << value;
  }
}

TEST(Metacopy, IsRefusedWhereItIsNotFollowed) {
  Union u({.format = {.metacopy = false}});
  leave_hollow(u, "upper/file", 4);
  u.disk.write("lower1/file", "text");
  EXPECT_EQ(unit::error_of(u.look_up("file")), EPERM);
}

}  // namespace
}  // namespace overpass::overlay
