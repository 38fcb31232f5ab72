// SPDX-License-Identifier: MIT
//
// The value of containers/storage and fuse-overlayfs: what is read, what is written, what it costs
// an inode.

#include "layer/stat_override.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <tuple>

namespace overpass::layer {
namespace {

sys::Stat inode_of(mode_t mode) {
  sys::Stat stat = {};
  stat.stx_mode = static_cast<uint16_t>(mode);
  stat.stx_uid = 1000;
  stat.stx_gid = 1000;
  return stat;
}

TEST(StatOverride, GivesOwnerAndMode) {
  sys::Stat stat = inode_of(S_IFREG | 0600);
  ASSERT_TRUE(apply_override("0:42:4755", stat));
  EXPECT_EQ(stat.stx_uid, 0U);
  EXPECT_EQ(stat.stx_gid, 42U);
  EXPECT_EQ(stat.stx_mode, S_IFREG | 04755);
}

struct KindRow {
  const char* value;
  mode_t mode;
  unsigned major, minor;
};

class StatOverrideKind : public testing::TestWithParam<KindRow> {};

TEST_P(StatOverrideKind, IsReadAndWritten) {
  const KindRow& row = GetParam();
  sys::Stat stat = inode_of(S_ISDIR(row.mode) ? S_IFDIR | 0700 : S_IFREG | 0600);
  ASSERT_TRUE(apply_override(row.value, stat));
  EXPECT_EQ(stat.stx_mode, row.mode);
  EXPECT_EQ(stat.stx_rdev_major, row.major);
  EXPECT_EQ(stat.stx_rdev_minor, row.minor);
  EXPECT_EQ(encode_override(stat), row.value);
}

INSTANTIATE_TEST_SUITE_P(Kinds, StatOverrideKind,
                         testing::Values(KindRow{"1:2:0644:file", S_IFREG | 0644, 0, 0},
                                         KindRow{"1:2:2755:dir", S_IFDIR | 02755, 0, 0},
                                         KindRow{"1:2:0600:pipe", S_IFIFO | 0600, 0, 0},
                                         KindRow{"1:2:0600:socket", S_IFSOCK | 0600, 0, 0},
                                         KindRow{"1:2:0660:block-8-1", S_IFBLK | 0660, 8, 1},
                                         KindRow{"1:2:0666:char-1-3", S_IFCHR | 0666, 1, 3}));

TEST(StatOverride, NeverTurnsADirectoryIntoSomethingElse) {
  sys::Stat stat = inode_of(S_IFDIR | 0700);
  ASSERT_TRUE(apply_override("0:0:0644:file", stat));
  EXPECT_EQ(stat.stx_mode, S_IFDIR | 0644);
  stat = inode_of(S_IFREG | 0600);
  ASSERT_TRUE(apply_override("0:0:0755:dir", stat));
  EXPECT_EQ(stat.stx_mode, S_IFREG | 0755);
  ASSERT_TRUE(apply_override("0:0:0777:symlink", stat));
  EXPECT_EQ(stat.stx_mode, S_IFREG | 0777);
}

TEST(StatOverride, MayEndAsACString) {
  sys::Stat stat = inode_of(S_IFREG | 0600);
  EXPECT_TRUE(apply_override(std::string_view("3:4:644\0", 8), stat));
  EXPECT_EQ(stat.stx_gid, 4U);
}

class BadOverride : public testing::TestWithParam<const char*> {};

TEST_P(BadOverride, LeavesEverythingAsItWas) {
  sys::Stat stat = inode_of(S_IFREG | 0600);
  EXPECT_FALSE(apply_override(GetParam(), stat));
  EXPECT_EQ(std::make_tuple(stat.stx_uid, stat.stx_gid, stat.stx_mode),
            std::make_tuple(1000U, 1000U, S_IFREG | 0600));
}

INSTANTIATE_TEST_SUITE_P(Values, BadOverride,
                         testing::Values("", "0", "0:0", "0:0:", "a:0:644", "0:0:999", "0:-1:644",
                                         "0:0:644:what", "0:0:644:char", "0:0:644:char-1",
                                         "0:0:644:char-a-b", "4294967296:0:644", "4294967295:0:644",
                                         " 0:0:644"));

TEST(StatOverride, LeavesTheInodeNoSetIdBitsAndOnlyTheRightsOfOthers) {
  EXPECT_EQ(mode_on_disk(S_IFREG | 04755), 0655U);
  EXPECT_EQ(mode_on_disk(S_IFREG | 0640), 0600U);
  EXPECT_EQ(mode_on_disk(S_IFREG | 0000), 0600U);
  EXPECT_EQ(mode_on_disk(S_IFDIR | 03777), 0777U);
  EXPECT_EQ(mode_on_disk(S_IFDIR | 0550), 0700U);
}

TEST(StatOverride, OfAUserIsForFilesAndDirectories) {
  EXPECT_TRUE(may_carry(StatOverride::User, S_IFREG));
  EXPECT_TRUE(may_carry(StatOverride::User, S_IFDIR));
  EXPECT_FALSE(may_carry(StatOverride::User, S_IFLNK));
  EXPECT_TRUE(may_carry(StatOverride::Privileged, S_IFLNK));
}

}  // namespace
}  // namespace overpass::layer
