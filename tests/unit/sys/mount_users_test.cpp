// SPDX-License-Identifier: MIT
//
// Which processes have a file system in their mount tables, as far as this test sees them.

#include "sys/mount_users.h"

#include <gtest/gtest.h>

#include "sys/children.h"

namespace overpass::sys {
namespace {

constexpr dev_t kNoSuchDevice = 0xFFFFF;

TEST(MountedDevice, IsThatOfTheMountAtThePath) {
  const auto proc = mounted_at("/proc");
  const auto below = mounted_at("/proc/self");
  ASSERT_TRUE(proc && below);
  EXPECT_EQ(*proc, *below);
  EXPECT_TRUE(mounted_at("/no/such/path").failed_with(ENOENT));
}

TEST(HasMounted, TellsWhatIsInTheTableFromWhatIsNot) {
  const auto proc = mounted_at("/proc");
  ASSERT_TRUE(proc);
  const auto has = has_mounted(proc->device);
  const auto has_other = has_mounted(kNoSuchDevice);
  ASSERT_TRUE(has && has_other);
  EXPECT_TRUE(*has);
  EXPECT_FALSE(*has_other);
}

TEST(PropagationOf, IsToldForWhatIsInTheTable) {
  const auto proc = mounted_at("/proc");
  ASSERT_TRUE(proc);
  const auto found = propagation_of(proc->device);
  const auto other = propagation_of(kNoSuchDevice);
  ASSERT_TRUE(found && other);
  EXPECT_TRUE(*found);
  EXPECT_FALSE(*other);
}

TEST(FindMountUser, FindsARunningProcessThatHasIt) {
  const auto proc = mounted_at("/proc");
  ASSERT_TRUE(proc);
  // The process that started this test has it, too.
  const auto found = find_mount_user(proc->device);
  ASSERT_TRUE(found && *found);
  EXPECT_TRUE(is_running(**found));
}

TEST(FindMountUser, FindsNothingWhereNoProcessHasIt) {
  const auto found = find_mount_user(kNoSuchDevice);
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

}  // namespace
}  // namespace overpass::sys
