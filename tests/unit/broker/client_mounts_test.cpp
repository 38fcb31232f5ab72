// SPDX-License-Identifier: MIT
//
// Mounts are told apart by their own numbers only; without one nothing is known.
//
// Each file reached is opened for writing as the kernel would for a user: by its path descriptor,
// without a look at permissions. That has to fail with EROFS, whichever way it was reached.

#include "broker/client_mounts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "../sys/scratch.h"
#include "sys/file_handle.h"
#include "sys/open.h"

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

TEST(KnownMounts, KnowsNotedMountsAndNoOthers) {
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

namespace {

class ReadOnlyMountsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    for (const char* name : {"first", "second", "third"}) {
      ::close(unit::checked(::open(path(name).c_str(), O_CREAT | O_WRONLY, 0600), name));
    }
  }

  std::string path(const char* name) { return scratch_.path(name); }

  static UniqueFd own_files() {
    return UniqueFd(::open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }

  static UniqueFd open(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }

  /// On the mount where the file was reached; what opening it for writing fails with is `*error`.
  static std::optional<uint64_t> mount_of_reached(ReadOnlyMounts& mounts, BorrowedFd file,
                                                  int* error) {
    const auto stat = unit::must(sys::stat_without_asking(file));
    const UniqueFd reached = unit::must(mounts.reach(file, stat));
    const auto seen = unit::must(sys::stat_without_asking(reached));
    EXPECT_EQ(seen.stx_ino, stat.stx_ino);
    EXPECT_EQ(sys::device_of(seen), sys::device_of(stat));
    EXPECT_NE(sys::unique_mount_id(seen), sys::unique_mount_id(stat));
    *error = unit::error_of(sys::reopen(reached, O_RDWR));
    return sys::unique_mount_id(seen);
  }

  static Result<void> keep(ReadOnlyMounts& mounts, const std::string& directory) {
    const UniqueFd fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return mounts.keep(fd, unit::must(sys::stat_without_asking(fd)));
  }

  void expect_clones_of_their_own(ReadOnlyMounts& mounts) {
    int errors[2];
    const UniqueFd first = open(path("first"));
    const UniqueFd second = open(path("second"));
    const auto of_first = mount_of_reached(mounts, first, &errors[0]);
    const auto of_second = mount_of_reached(mounts, second, &errors[1]);
    EXPECT_TRUE(!of_first || of_first != of_second);
    for (const int error : errors) EXPECT_EQ(error, EROFS);
  }

  unit::Scratch scratch_;
};

TEST_F(ReadOnlyMountsTest, OneCloneServesAllFilesOfAMountWhoseDirectoryWasOffered) {
  ReadOnlyMounts mounts(own_files());
  ASSERT_TRUE(keep(mounts, path("")));
  int errors[3];
  const UniqueFd first = open(path("first"));
  const UniqueFd second = open(path("second"));
  const UniqueFd third = open(path("third"));
  ASSERT_EQ(::unlink(path("third").c_str()), 0);
  const auto of_first = mount_of_reached(mounts, first, &errors[0]);
  const auto of_second = mount_of_reached(mounts, second, &errors[1]);
  const auto of_third = mount_of_reached(mounts, third, &errors[2]);
  if (!of_first) GTEST_SKIP() << "mounts have no unique numbers before Linux 6.8";
  EXPECT_EQ(of_first, of_second);
  EXPECT_EQ(of_first, of_third);
  for (const int error : errors) EXPECT_EQ(error, EROFS);
}

/// Each of its own: one that is shared would keep the file that it was made for.
TEST_F(ReadOnlyMountsTest, WithoutADirectoryEachFileGetsACloneOfItsOwn) {
  ReadOnlyMounts mounts(own_files());
  EXPECT_NO_FATAL_FAILURE(expect_clones_of_their_own(mounts));
}

TEST_F(ReadOnlyMountsTest, WithoutProcEachFileGetsACloneOfItsOwn) {
  ReadOnlyMounts mounts;
  ASSERT_TRUE(keep(mounts, path("")));
  EXPECT_NO_FATAL_FAILURE(expect_clones_of_their_own(mounts));
}

/// As long as anything keeps a removed file, its handle leads to it.
TEST_F(ReadOnlyMountsTest, AFileThatWasReachedIsNotKept) {
  ReadOnlyMounts mounts(own_files());
  const UniqueFd directory(::open(path("").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (const char* name : {"first", "second", "third"}) {
    if (std::string(name) == "third") {
      ASSERT_TRUE(keep(mounts, path("")));
    }
    int error = 0;
    UniqueFd file = open(path(name));
    const auto handle = unit::must(sys::file_handle(sys::place_of(file)));
    (void)mount_of_reached(mounts, file, &error);
    ASSERT_EQ(::unlink(path(name).c_str()), 0);
    EXPECT_TRUE(sys::open_by_handle(directory, handle)) << name;
    file.reset();
    EXPECT_EQ(unit::error_of(sys::open_by_handle(directory, handle)), ESTALE) << name;
  }
}

TEST_F(ReadOnlyMountsTest, AFileOnAnotherMountIsReachedOnACloneOfThat) {
  ReadOnlyMounts mounts(own_files());
  ASSERT_TRUE(keep(mounts, path("")));
  int errors[3];
  const UniqueFd first = open(path("first"));
  // Another mount of the same file system, and another file system.
  const UniqueFd tree(::open_tree(AT_FDCWD, path("").c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  const UniqueFd second(::openat(raw(tree.get()), "second", O_RDONLY | O_CLOEXEC));
  const UniqueFd other(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  const auto of_first = mount_of_reached(mounts, first, &errors[0]);
  const auto of_second = mount_of_reached(mounts, second, &errors[1]);
  const auto of_other = mount_of_reached(mounts, other, &errors[2]);
  if (!of_first) GTEST_SKIP() << "mounts have no unique numbers before Linux 6.8";
  EXPECT_NE(of_first, of_second);
  EXPECT_NE(of_first, of_other);
  for (const int error : errors) EXPECT_EQ(error, EROFS);
}

}  // namespace

}  // namespace overpass::broker
