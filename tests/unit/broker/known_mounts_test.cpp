// SPDX-License-Identifier: MIT
//
// Mounts are told apart by their own numbers only; without one nothing is known.

#include "broker/known_mounts.h"

#include <gtest/gtest.h>
#include <linux/magic.h>

namespace overpass::broker {
namespace {

using Files = KnownMounts::Files;

constexpr unsigned kUniqueMountId = 0x4000;  // STATX_MNT_ID_UNIQUE, of 6.8.

sys::Stat stat_on(uint64_t mount, unsigned mask = kUniqueMountId) {
  sys::Stat stat = {};
  stat.stx_mask = mask;
  stat.stx_mnt_id = mount;
  return stat;
}

TEST(KnownMounts, KnowsWhatWasNotedAndNothingElse) {
  KnownMounts mounts;
  EXPECT_EQ(mounts.files_like(stat_on(7)), Files::Unknown);
  mounts.note_served(stat_on(7), EXT4_SUPER_MAGIC);
  mounts.note_served(stat_on(8), TMPFS_MAGIC);
  mounts.note_served(stat_on(9), RAMFS_MAGIC);
  EXPECT_EQ(mounts.files_like(stat_on(7)), Files::OnDisk);
  EXPECT_EQ(mounts.files_like(stat_on(8)), Files::InMemory);
  EXPECT_EQ(mounts.files_like(stat_on(9)), Files::InMemory);
  EXPECT_EQ(mounts.files_like(stat_on(0)), Files::Unknown);
}

TEST(KnownMounts, TrustsNoNumberThatMayBeGivenAgain) {
  KnownMounts mounts;
  mounts.note_served(stat_on(7, 0), EXT4_SUPER_MAGIC);
  EXPECT_EQ(mounts.files_like(stat_on(7, 0)), Files::Unknown);
  EXPECT_EQ(mounts.files_like(stat_on(7)), Files::Unknown);
}

TEST(KnownMounts, IsBounded) {
  KnownMounts mounts;
  for (uint64_t id = 1; id <= 1000; ++id) mounts.note_served(stat_on(id), EXT4_SUPER_MAGIC);
  EXPECT_EQ(mounts.files_like(stat_on(64)), Files::OnDisk);
  EXPECT_EQ(mounts.files_like(stat_on(65)), Files::Unknown);
}

}  // namespace
}  // namespace overpass::broker
