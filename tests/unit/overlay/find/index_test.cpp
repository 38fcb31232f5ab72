// SPDX-License-Identifier: MIT
//
// Hard links of a lower file stay one file through copy-up, by the entry in the index.

#include "overlay/find/index.h"

#include <gtest/gtest.h>
#include <stdio.h>

#include "../union.h"

namespace overpass::overlay {
namespace {

using unit::Handle;
using unit::Union;
using Names = std::vector<std::string>;

constexpr char kNlink[] = "trusted.overlay.nlink";
constexpr char kOrigin[] = "trusted.overlay.origin";
constexpr char kProtattr[] = "trusted.overlay.protattr";

class Index : public testing::Test {
 protected:
  Index() : u({.format = {.index = true}}) {
    u.disk.write("lower1/one", "text");
    u.disk.directory("lower1/dir");
    std::filesystem::create_hard_link(u.disk.path("lower1/one"), u.disk.path("lower1/dir/two"));
  }

  std::string entry() {
    const Names names = u.disk.names("work/index");
    if (names.size() != 1) throw std::runtime_error("not one entry");
    return "work/index/" + names.front();
  }

  /// How many links the union shows of each name.
  std::vector<uint32_t> counts(const Names& names) {
    std::vector<uint32_t> counts;
    for (const std::string& name : names) counts.push_back(u.stat(name).stx_nlink);
    return counts;
  }

  Union u;
};

TEST_F(Index, KeepsLinksOneFile) {
  u.write("one", "TEXT");
  EXPECT_EQ(u.read("dir/two"), "TEXT");
  EXPECT_EQ(u.at("one").get(), u.at("dir/two").get());
  EXPECT_EQ(counts({"one", "dir/two"}), (std::vector<uint32_t>{2, 2}));
  EXPECT_FALSE(u.disk.exists("upper/dir"));
  EXPECT_EQ(u.disk.stat(entry()).st_nlink, 2U);
  u.remount();
  EXPECT_EQ(u.read("dir/two"), "TEXT");
  EXPECT_EQ(u.at("one").get(), u.at("dir/two").get());
  EXPECT_EQ(counts({"dir/two", "one"}), (std::vector<uint32_t>{2, 2}));
}

TEST_F(Index, KeepsTheInodeAndItsNumber) {
  const InodeRef inode = u.at("dir/two");
  const uint64_t number = inode->ino;
  ASSERT_EQ(u.chmod("one", 0600), 0);
  EXPECT_EQ(u.at("dir/two").get(), inode.get());
  EXPECT_EQ(u.stat("one").stx_ino, number);
  EXPECT_EQ(u.stat("dir/two").stx_mode & 07777, 0600);
}

TEST_F(Index, TakesNoEntryForAFileOfOneLink) {
  u.disk.write("lower1/single", "text");
  ASSERT_EQ(u.chmod("single", 0600), 0);
  EXPECT_EQ(u.disk.names("work/index"), Names());
}

TEST(IndexOfUsers, PartsLinksOfFilesThatTakeNoMark) {
  Union u({.userxattr = true, .format = {.index = true}});
  std::filesystem::create_symlink("to", u.disk.path("lower1/one"));
  std::filesystem::create_hard_link(u.disk.path("lower1/one"), u.disk.path("lower1/two"));
  EXPECT_EQ(u.stat("one").stx_nlink, 2U);
  EXPECT_NE(u.at("one").get(), u.at("two").get());
  ASSERT_EQ(u.rename("one", "three"), 0);
  ASSERT_EQ(u.remove("two"), 0);
  EXPECT_EQ(u.disk.names("work/index"), Names());
  EXPECT_EQ(u.names(""), Names({"three"}));
}

TEST_F(Index, CountsNamesThatComeAndGo) {
  ASSERT_EQ(u.link("one", "three"), 0);
  EXPECT_EQ(counts({"one", "dir/two", "three"}), (std::vector<uint32_t>{3, 3, 3}));
  ASSERT_EQ(u.remove("one"), 0);
  EXPECT_EQ(counts({"dir/two", "three"}), (std::vector<uint32_t>{2, 2}));
  u.remount();
  EXPECT_EQ(counts({"dir/two", "three"}), (std::vector<uint32_t>{2, 2}));
  ASSERT_EQ(u.remove("dir/two"), 0);
  ASSERT_EQ(u.rename("three", "dir/three"), 0);
  EXPECT_EQ(counts({"dir/three"}), std::vector<uint32_t>{1});
  EXPECT_EQ(u.disk.names("work/index").size(), 1U);
}

TEST_F(Index, LosesTheEntryWithTheLastName) {
  Handle open = u.open("one", O_RDWR);
  ASSERT_EQ(u.remove("one"), 0);
  EXPECT_EQ(u.disk.names("work/index").size(), 1U);
  ASSERT_EQ(u.remove("dir/two"), 0);
  EXPECT_EQ(u.disk.names("work/index"), Names());
  EXPECT_EQ(open.read(), "text");
  EXPECT_EQ(u.disk.read("lower1/dir/two"), "text");
}

TEST_F(Index, IsPassedOverWithoutOne) {
  Union without({.format = {.index = false}});
  without.disk.write("lower1/one", "text");
  std::filesystem::create_hard_link(without.disk.path("lower1/one"),
                                    without.disk.path("lower1/two"));
  without.write("one", "TEXT");
  EXPECT_EQ(without.read("two"), "text");
  EXPECT_FALSE(without.disk.exists("work/index"));
}

TEST_F(Index, RefusesAnEntryOfAnotherType) {
  ASSERT_EQ(u.chmod("one", 0600), 0);
  u.remount();
  const std::string path = entry();
  std::filesystem::remove(u.disk.path(path));
  u.disk.directory(path);
  EXPECT_EQ(unit::error_of(u.look_up("dir/two")), EIO);
  std::filesystem::remove(u.disk.path(path));
  u.disk.whiteout(path);
  EXPECT_EQ(unit::error_of(u.look_up("dir/two")), EIO);
}

TEST_F(Index, RefusesAnEntryOfAnotherOrigin) {
  ASSERT_EQ(u.chmod("one", 0600), 0);
  u.remount();
  const std::string path = entry();
  const std::string origin = u.disk.xattr(path, kOrigin);
  u.disk.set_xattr(path, kOrigin, origin + "x");
  EXPECT_EQ(unit::error_of(u.look_up("dir/two")), EIO);
  u.disk.set_xattr(path, kOrigin, origin);
  EXPECT_EQ(u.read("dir/two"), "text");
}

TEST_F(Index, PassesOverAnNlinkMarkOfNonsense) {
  ASSERT_EQ(u.chmod("one", 0600), 0);
  for (const char* mark : {"", "nonsense", "U-5", "U+2147483647", "L-9"}) {
    u.remount();
    u.disk.set_xattr(entry(), kNlink, mark);
    EXPECT_EQ(counts({"dir/two", "one"}), (std::vector<uint32_t>{2, 2})) << mark;
  }
}

TEST_F(Index, ProtectsAFileByAllItsNames) {
  ASSERT_EQ(u.chmod("one", 0600), 0);
  u.remount();
  u.disk.set_xattr(entry(), kProtattr, "i");
  EXPECT_EQ(u.chmod("dir/two", 0644), EPERM);
  EXPECT_EQ(u.chmod("one", 0644), EPERM);
}

}  // namespace
}  // namespace overpass::overlay
