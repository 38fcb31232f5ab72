// SPDX-License-Identifier: MIT
//
// Names made, moved and removed in a directory.

#include "sys/names.h"

#include <gtest/gtest.h>
#include <stdio.h>

#include "scratch.h"
#include "sys/open.h"

namespace overpass::sys {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

class Names : public testing::Test {
 protected:
  Scratch disk;
  UniqueFd root = disk.open("", O_RDONLY | O_DIRECTORY);
};

TEST_F(Names, AreMadeOfEveryKind) {
  must(make_directory(root, "directory", 0755));
  must(make_node(root, "fifo", S_IFIFO | 0600, 0));
  must(make_node(root, "file", S_IFREG | 0600, 0));
  must(make_symlink(root, "link", "target"));
  EXPECT_TRUE(S_ISDIR(disk.stat("directory").st_mode));
  EXPECT_TRUE(S_ISFIFO(disk.stat("fifo").st_mode));
  EXPECT_TRUE(S_ISREG(disk.stat("file").st_mode));
  EXPECT_EQ(must(read_link({root, "link"})), "target");
}

TEST_F(Names, ThatAreTakenAreLeftAlone) {
  disk.write("file", "text");
  EXPECT_EQ(error_of(make_directory(root, "file", 0755)), EEXIST);
  EXPECT_EQ(error_of(make_symlink(root, "file", "target")), EEXIST);
  EXPECT_EQ(error_of(make_node(root, "file", S_IFREG, 0)), EEXIST);
  EXPECT_EQ(disk.read("file"), "text");
}

TEST_F(Names, LeadToLongTargetsWhole) {
  const std::string target(4000, 't');
  must(make_symlink(root, "link", target.c_str()));
  EXPECT_EQ(must(read_link({root, "link"})), target);
  EXPECT_EQ(error_of(read_link({root, "absent"})), ENOENT);
}

TEST_F(Names, CanBeGivenToAFileWithoutOne) {
  auto file = open_unnamed(root, 0600);
  if (file.failed_with(EOPNOTSUPP)) GTEST_SKIP() << "no O_TMPFILE here";
  EXPECT_EQ(::write(raw(*file), "text", 4), 4);
  must(make_link(place_of(*file), root, "named"));
  EXPECT_EQ(disk.read("named"), "text");
  must(make_link({root, "named"}, root, "second"));
  EXPECT_EQ(disk.stat("second").st_ino, disk.stat("named").st_ino);
}

TEST_F(Names, OfALinkAreLinkedThemselves) {
  must(make_symlink(root, "link", "target"));
  must(make_link({root, "link"}, root, "second"));
  EXPECT_EQ(must(read_link({root, "second"})), "target");
}

TEST_F(Names, AreMovedAsTheFlagsSay) {
  disk.write("a", "A");
  disk.write("b", "B");
  EXPECT_EQ(error_of(rename({root, "a"}, {root, "b"}, RENAME_NOREPLACE)), EEXIST);
  must(rename({root, "a"}, {root, "b"}, RENAME_EXCHANGE));
  EXPECT_EQ(disk.read("a") + disk.read("b"), "BA");
  must(rename({root, "a"}, {root, "b"}));
  EXPECT_FALSE(disk.exists("a"));
  EXPECT_EQ(disk.read("b"), "B");
}

TEST_F(Names, AreRemovedByKind) {
  disk.write("file", "");
  disk.write("full/file", "");
  disk.directory("empty");
  EXPECT_EQ(error_of(remove_file(root, "empty")), EISDIR);
  EXPECT_EQ(error_of(remove_directory(root, "file")), ENOTDIR);
  EXPECT_EQ(error_of(remove_directory(root, "full")), ENOTEMPTY);
  must(remove_file(root, "file"));
  must(remove_directory(root, "empty"));
  EXPECT_EQ(disk.names(), std::vector<std::string>{"full"});
}

}  // namespace
}  // namespace overpass::sys
