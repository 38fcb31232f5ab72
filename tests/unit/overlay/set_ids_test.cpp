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

const Changer kStranger{.thread = 0, .user = 1002, .group = 1002, .lacks_fsetid = true};
const Changer kMember{.thread = 0, .user = 1001, .group = kGroup, .lacks_fsetid = true};
const Changer kPrivileged{.thread = 0, .user = 0, .group = 0, .lacks_fsetid = false};

TEST(BitsLost, AreNoneOfWhatHasNone) {
  EXPECT_EQ(bits_lost_by_write(kStranger, file_with(S_IFREG | 0777)), 0U);
  EXPECT_EQ(bits_lost_by_write(kStranger, file_with(S_IFDIR | 06777)), 0U);
  EXPECT_EQ(bits_lost_by_chown(kStranger, file_with(S_IFDIR | 06777)), 0U);
}

TEST(BitsLost, AreAllThatGivePrivileges) {
  for (const Changer& changer : {kStranger, kMember}) {
    EXPECT_EQ(bits_lost_by_write(changer, file_with(S_IFREG | 06777)), 06000U);
    EXPECT_EQ(bits_lost_by_chown(changer, file_with(S_IFREG | 06777)), 06000U);
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

TEST(Changer, WhoseThreadIsUnseenHasNoRights) {
  const Changer unknown{.thread = 0, .user = 0, .group = 0, .lacks_fsetid = {}};
  EXPECT_FALSE(unknown.keeps_all());
  EXPECT_FALSE(unknown.keeps_group_mark(kGroup));
  EXPECT_FALSE(unknown.may_change_mode_of(1000));
  EXPECT_TRUE(unknown.may_change_mode_of(0));
}

TEST(Changer, HasTheRightsOfItsThread) {
  if (::geteuid() != 0) GTEST_SKIP() << "an ordinary user has none";
  const Changer self{.thread = ::gettid(), .user = 0, .group = 0, .lacks_fsetid = {}};
  EXPECT_TRUE(self.may_change_mode_of(1000));
}

}  // namespace
}  // namespace overpass::overlay
