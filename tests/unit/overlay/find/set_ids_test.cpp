// SPDX-License-Identifier: MIT
//
// The rules without a mount; tests/mount/owners/set_ids_test.py compares them with those of a plain
// directory.

#include "overlay/find/set_ids.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace overpass::overlay {
namespace {

constexpr gid_t kGroup = 3000;

sys::Stat file_with(mode_t mode) {
  sys::Stat stat = {};
  stat.stx_mode = static_cast<uint16_t>(mode);
  stat.stx_uid = 1000;
  stat.stx_gid = kGroup;
  return stat;
}

const Caller kStranger{.uid = 1002, .gid = 1002, .lacks_fsetid = true};
const Caller kMember{.uid = 1001, .gid = kGroup, .lacks_fsetid = true};
const Caller kPrivileged{.uid = 0, .gid = 0, .lacks_fsetid = false};

TEST(BitsLost, AreNoneOfFilesWithoutBits) {
  EXPECT_EQ(bits_lost_by_write(kStranger, file_with(S_IFREG | 0777)), 0U);
  EXPECT_EQ(bits_lost_by_write(kStranger, file_with(S_IFDIR | 06777)), 0U);
  EXPECT_EQ(bits_lost_by_chown(kStranger, file_with(S_IFDIR | 06777)), 0U);
}

TEST(BitsLost, AreAllThatGivePrivileges) {
  for (const Caller& caller : {kStranger, kMember}) {
    EXPECT_EQ(bits_lost_by_write(caller, file_with(S_IFREG | 06777)), 06000U);
    EXPECT_EQ(bits_lost_by_chown(caller, file_with(S_IFREG | 06777)), 06000U);
  }
}

TEST(BitsLost, SpareTheGroupsMarkForItsMembers) {
  EXPECT_EQ(bits_lost_by_write(kStranger, file_with(S_IFREG | 06767)), 06000U);
  EXPECT_EQ(bits_lost_by_write(kMember, file_with(S_IFREG | 06767)), 04000U);
  EXPECT_EQ(bits_lost_by_chown(kMember, file_with(S_IFREG | 02767)), 0U);
}

TEST(BitsLost, AreNoneByAPrivilegedWrite) {
  EXPECT_EQ(bits_lost_by_write(kPrivileged, file_with(S_IFREG | 06777)), 0U);
  EXPECT_EQ(bits_lost_by_chown(kPrivileged, file_with(S_IFREG | 06777)), 06000U);
  EXPECT_EQ(bits_lost_by_chown(kPrivileged, file_with(S_IFSOCK | 06777)), 06000U);
}

TEST(Caller, WhoseThreadIsUnseenHasNoRights) {
  const Caller unknown{.uid = 0, .gid = 0};
  EXPECT_FALSE(keeps_all_set_ids(unknown));
  EXPECT_FALSE(keeps_group_mark(unknown, kGroup));
  EXPECT_FALSE(may_change_mode_of(unknown, 1000));
  EXPECT_TRUE(may_change_mode_of(unknown, 0));
}

TEST(Caller, HasTheRightsOfItsThread) {
  if (::geteuid() != 0) GTEST_SKIP() << "an ordinary user has none";
  const Caller self{.uid = 0, .gid = 0, .thread = ::gettid()};
  EXPECT_TRUE(may_change_mode_of(self, 1000));
}

}  // namespace
}  // namespace overpass::overlay
