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
  EXPECT_EQ(must(inode_flags(itself(path))), expected);
  EXPECT_EQ(must(inode_flags(itself(open))), expected);
  must(add_inode_flags(open, {}));
  EXPECT_EQ(must(inode_flags(itself(open))), expected) << "what is there stays";
}

TEST(InodeFlags, AreToldOfDirectories) {
  const Scratch disk;
  disk.directory("dir");
  const UniqueFd path = disk.open("dir", O_PATH);
  const UniqueFd open = disk.open("dir", O_RDONLY | O_DIRECTORY);
  must(add_inode_flags(open, {.no_atime = true}));
  EXPECT_TRUE(must(inode_flags(itself(path))).no_atime);
}

TEST(InodeFlags, AreNoneWhereThereIsNoSuchThing) {
  const UniqueFd proc(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(must(inode_flags({proc, "stat"})), InodeFlags());
  EXPECT_EQ(must(inode_flags(itself(proc))), InodeFlags());
  const UniqueFd open(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  must(add_inode_flags(open, {.no_atime = true}));
}

TEST(InodeFlags, OfNothingAreAnError) {
  const Scratch disk;
  EXPECT_EQ(unit::error_of(inode_flags({disk.open("", O_PATH), "absent"})), ENOENT);
}

}  // namespace
}  // namespace overpass::sys
