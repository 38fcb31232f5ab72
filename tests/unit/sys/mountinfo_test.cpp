// SPDX-License-Identifier: MIT

#include "sys/mountinfo.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace overpass::sys {
namespace {

constexpr std::string_view kLine =
    "123 72 0:40 /sub /home/me/m\\040nt rw,nosuid shared:7 master:3 - fuse.overpass over\\040pass "
    "rw,user_id=1000";

TEST(MountLine, HasTheWordsOfItsText) {
  const auto line = read_mount_line(kLine);
  ASSERT_TRUE(line);
  EXPECT_EQ(line->device, "0:40");
  EXPECT_EQ(line->root, "/sub");
  EXPECT_EQ(line->mountpoint, "/home/me/m\\040nt");
  EXPECT_EQ(line->options, "rw,nosuid");
  EXPECT_EQ(line->tags, "shared:7 master:3");
  EXPECT_EQ(line->type, "fuse.overpass");
  EXPECT_EQ(line->source, "over\\040pass");
  EXPECT_EQ(line->super_options, "rw,user_id=1000");
}

TEST(MountLine, MayHaveNoTagsAndNoSource) {
  const auto line = read_mount_line("1 2 8:1 / / rw - ext4  rw");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->tags, "");
  EXPECT_EQ(line->type, "ext4");
  EXPECT_EQ(line->source, "");
  EXPECT_EQ(line->super_options, "rw");
}

TEST(MountLine, TakesNoWordThatAUserChoseForTheSeparator) {
  const auto line = read_mount_line("1 2 0:40 - - - - - - rw");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->root, "-");
  EXPECT_EQ(line->mountpoint, "-");
  EXPECT_EQ(line->type, "-");
  EXPECT_EQ(line->source, "-");
}

TEST(MountLine, IsNotReadFromPartOfALine) {
  const size_t last_word = kLine.rfind(' ') + 1;
  for (size_t size = 0; size <= last_word; ++size) {
    EXPECT_FALSE(read_mount_line(kLine.substr(0, size))) << size;
  }
}

TEST(MountWords, HaveOctalEscapes) {
  EXPECT_EQ(without_escapes("a\\040b\\011\\012\\134c"), "a b\t\n\\c");
  EXPECT_EQ(without_escapes("\\04"), "\\04");
  EXPECT_EQ(without_escapes("\\048"), "\\048");
  EXPECT_EQ(without_escapes("x\\"), "x\\");
}

TEST(MountTable, IsVisitedFromTheLowestMountOn) {
  const std::string table = "1 0 8:1 / / rw - ext4 a rw\nno line\n2 1 0:5 / /proc rw - proc b rw\n";
  std::vector<std::string> types;
  for_each_mount(table, [&](const MountLine& line) { types.emplace_back(line.type); });
  EXPECT_EQ(types, (std::vector<std::string>{"ext4", "proc"}));
  EXPECT_TRUE(has_mount(table, [](const MountLine& line) { return line.type == "proc"; }));
  EXPECT_FALSE(has_mount(table, [](const MountLine& line) { return line.type == "tmpfs"; }));
}

}  // namespace
}  // namespace overpass::sys
