// SPDX-License-Identifier: MIT
//
// Flags of chattr(1), told by name and by descriptor.

#include "sys/inode_flags.h"

#include <gtest/gtest.h>

#include "scratch.h"

namespace overpass::sys {
namespace {

using unit::must;
using unit::Scratch;

TEST(InodeFlags, AreToldHoweverTheFileIsReached) {
  const Scratch disk;
  disk.write("file", "content");
  const UniqueFd root = disk.open("", O_PATH | O_DIRECTORY);
  const UniqueFd path = disk.open("file", O_PATH);
  const UniqueFd open = disk.open("file");
  EXPECT_EQ(must(inode_flags({root, "file"})), InodeFlags());
  must(add_inode_flags(open, {.no_atime = true}));
  const InodeFlags expected = {.no_atime = true};
  EXPECT_EQ(must(inode_flags({root, "file"})), expected);
  EXPECT_EQ(must(inode_flags(place_of(path))), expected);
  EXPECT_EQ(must(inode_flags(place_of(open))), expected);
  must(add_inode_flags(open, {}));
  EXPECT_EQ(must(inode_flags(place_of(open))), expected) << "what is there stays";
}

TEST(InodeFlags, AreToldOfDirectories) {
  const Scratch disk;
  disk.directory("dir");
  const UniqueFd path = disk.open("dir", O_PATH);
  const UniqueFd open = disk.open("dir", O_RDONLY | O_DIRECTORY);
  must(add_inode_flags(open, {.no_atime = true}));
  EXPECT_TRUE(must(inode_flags(place_of(path))).no_atime);
}

TEST(InodeFlags, AreNoneWhereThereIsNoSuchThing) {
  const UniqueFd proc(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(must(inode_flags({proc, "stat"})), InodeFlags());
  EXPECT_EQ(must(inode_flags(place_of(proc))), InodeFlags());
  const UniqueFd open(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  must(add_inode_flags(open, {.no_atime = true}));
}

TEST(Heritage, IsToldAndTakenOver) {
  const Scratch disk;
  disk.directory("from");
  disk.directory("to");
  const UniqueFd from = disk.open("from", O_RDONLY | O_DIRECTORY);
  const UniqueFd to = disk.open("to", O_RDONLY | O_DIRECTORY);
  const auto plain = heritage_of(from);
  if (!plain) GTEST_SKIP() << "no flags on this file system";
  must(add_inode_flags(from, {.no_atime = true}));
  const Heritage heritage = must(heritage_of(from));
  EXPECT_NE(heritage, *plain);
  must(set_heritage(to, heritage));
  EXPECT_EQ(must(heritage_of(to)), heritage);
  must(set_heritage(to, *plain));
  EXPECT_EQ(must(heritage_of(to)), *plain) << "flags are taken away as well";
}

TEST(Heritage, IsAnErrorWhereThereIsNoSuchThing) {
  const UniqueFd proc(::open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(unit::error_of(heritage_of(proc)), ENOTTY);
  EXPECT_NE(unit::error_of(set_heritage(proc, Heritage())), 0);
}

TEST(InodeFlags, OfNothingAreAnError) {
  const Scratch disk;
  EXPECT_EQ(unit::error_of(inode_flags({disk.open("", O_PATH), "absent"})), ENOENT);
}

}  // namespace
}  // namespace overpass::sys
