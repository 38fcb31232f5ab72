// SPDX-License-Identifier: MIT

#include "broker/mount_owner.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "../sys/scratch.h"
#include "sys/open.h"

namespace overpass::broker {

namespace {

class TextLines : public testing::Test {
 protected:
  UniqueFd file_of(const std::string& text) {
    const std::string path = scratch_.path("text");
    std::ofstream(path, std::ios::trunc) << text;
    return unit::must(sys::open_path(path.c_str(), O_RDONLY));
  }

  std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for_each_line(file_of(text), [&](std::string_view line) {
      lines.emplace_back(line);
      return line != "stop";
    });
    return lines;
  }

  unit::Scratch scratch_;
};

TEST_F(TextLines, AreCutAtTheirEnds) {
  EXPECT_EQ(lines_of("one\n\nthree\n"), (std::vector<std::string>{"one", "", "three"}));
  EXPECT_EQ(lines_of(""), std::vector<std::string>());
  EXPECT_EQ(lines_of("without an end"), std::vector<std::string>());
}

TEST_F(TextLines, CrossThePiecesInWhichTheyAreRead) {
  for (const size_t length : {8190U, 8191U, 8192U, 8193U, 16383U}) {
    const std::string line(length, 'x');
    EXPECT_EQ(lines_of(line + "\nnext\n"), (std::vector<std::string>{line, "next"})) << length;
  }
}

TEST_F(TextLines, ThatAreTooLongAreLeftOut) {
  EXPECT_EQ(lines_of("a\n" + std::string(100'000, 'x') + "\nb\n"),
            (std::vector<std::string>{"a", "b"}));
}

TEST_F(TextLines, AreReadAsFarAsTheyAreWanted) {
  EXPECT_EQ(lines_of("one\nstop\nthree\n"), (std::vector<std::string>{"one", "stop"}));
}

TEST_F(TextLines, OfALongTextAreReadUpToABound) {
  const std::string line(1023, 'x');
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += line + "\n";
  EXPECT_EQ(lines_of(text).size(), kMostText / 1024);
}

TEST_F(TextLines, OfAShortTextAreReadAtOnce) {
  EXPECT_EQ(read_text(file_of("all\nof it\n")), "all\nof it\n");
  EXPECT_EQ(read_text(file_of(std::string(5000, 'x'))).size(), 4096U);
}

}  // namespace

namespace {

constexpr std::string_view kLine =
    "123 72 0:40 / /home/me/m\\040nt rw,nosuid,nodev,relatime shared:7 - fuse.overpass "
    "over\\040pass "
    "rw,user_id=1000,group_id=1000,default_permissions";

std::optional<uint32_t> owner_in(std::string_view line, uint32_t connection) {
  const auto mount = sys::read_mount_line(line);
  return mount ? fuse_mount_owner(*mount, connection) : std::nullopt;
}

TEST(MountOwner, IsTheMountingUser) { EXPECT_EQ(owner_in(kLine, 40), 1000U); }

TEST(MountOwner, IsThatOfTheConnectionOnly) {
  EXPECT_EQ(owner_in(kLine, 4), std::nullopt);
  EXPECT_EQ(owner_in(kLine, 0), std::nullopt);
  EXPECT_EQ(owner_in("1 2 8:40 / / rw - fuse x rw,user_id=0", 40), std::nullopt);
  EXPECT_EQ(owner_in("1 2 0:40 / / rw - ext4 x rw,user_id=0", 40), std::nullopt);
  EXPECT_EQ(owner_in("1 2 0:40 / / rw - fusectl x rw,user_id=0", 40), std::nullopt);
}

TEST(MountOwner, IsNotReadFromTextThatAUserChooses) {
  // Names of mountpoints and sources cannot have blanks, so that they stay one field each.
  EXPECT_EQ(owner_in("1 2 0:40 / /user_id=5 rw - fuse user_id=6,x rw,user_id=7", 40), 7U);
  EXPECT_EQ(owner_in("1 2 0:40 / /- rw - fuse - rw,user_id=7", 40), 7U);
  EXPECT_EQ(owner_in("1 2 0:40 / / rw - fuse x rw,xuser_id=7", 40), std::nullopt);
}

TEST(MountOwner, OfABrokenLineIsUnknown) {
  for (size_t size = 0; size < kLine.size(); ++size) {
    const auto owner = owner_in(kLine.substr(0, size), 40);
    EXPECT_TRUE(!owner || *owner <= 1000U) << size;
  }
  EXPECT_EQ(owner_in("1 2 0:40 / / rw - fuse x rw,user_id=", 40), std::nullopt);
  EXPECT_EQ(owner_in("1 2 0:40 / / rw - fuse x rw,user_id=99999999999", 40), std::nullopt);
}

TEST(MountOwner, KnowsTheConnectionFromItsDescriptor) {
  EXPECT_EQ(connection_of("pos:\t0\nflags:\t02100002\nmnt_id:\t88\nfuse_connection:\t40\n"), 40U);
  EXPECT_EQ(connection_of("pos:\t0\nflags:\t02100002\n"), std::nullopt);
  EXPECT_EQ(connection_of("not_fuse_connection:\t40\n"), std::nullopt);
  EXPECT_EQ(connection_of("fuse_connection:\tx\n"), std::nullopt);
}

TEST(MountOwner, IsTranslatedFromItsUserNamespace) {
  constexpr std::string_view kMap =
      "         0       1000          1\n         1     100000      65536\n";
  EXPECT_EQ(outside_uid(kMap, 0), 1000U);
  EXPECT_EQ(outside_uid(kMap, 1), 100000U);
  EXPECT_EQ(outside_uid(kMap, 65536), 165535U);
  EXPECT_EQ(outside_uid(kMap, 65537), std::nullopt);
  EXPECT_EQ(outside_uid("", 0), std::nullopt);
  EXPECT_EQ(outside_uid("0 0 4294967295", 7), 7U);
}

}  // namespace

}  // namespace overpass::broker
