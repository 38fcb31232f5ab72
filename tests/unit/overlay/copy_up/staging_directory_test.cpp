// SPDX-License-Identifier: MIT
//
// Scratch directories that hand down what another directory does.

#include "overlay/copy_up/staging_directory.h"

#include <gtest/gtest.h>

#include "../../sys/scratch.h"
#include "sys/inode_flags.h"
#include "sys/names.h"

namespace overpass::overlay {
namespace {

using unit::must;
using unit::Scratch;

class StagingDirectory : public testing::Test {
 protected:
  StagingDirectory() {
    disk.directory("upper");
    disk.directory("work");
    upper = disk.open("upper", O_RDONLY | O_DIRECTORY);
    workdir = must(layer::Workdir::prepare(disk.open("work", O_RDONLY | O_DIRECTORY)));
  }

  size_t temporaries() const {
    return static_cast<size_t>(std::ranges::count_if(
        disk.names("work/work"), [](const std::string& name) { return name[0] == '#'; }));
  }

  Scratch disk;
  UniqueFd upper;
  layer::Workdir workdir;
};

TEST_F(StagingDirectory, IsNoneWhereThereIsNothingToInherit) {
  EXPECT_EQ(must(scratch_like(workdir, upper, Making::New)), nullptr);
  EXPECT_EQ(must(scratch_like(workdir, upper, Making::Copy)), nullptr);
  EXPECT_EQ(temporaries(), 0U);
}

TEST_F(StagingDirectory, HandsTheSetGroupIdBitDownToNewObjects) {
  disk.directory("upper", 02755);
  EXPECT_EQ(must(scratch_like(workdir, upper, Making::Copy)), nullptr);
  const auto scratch = must(scratch_like(workdir, upper, Making::New));
  ASSERT_NE(scratch, nullptr);
  must(sys::make_directory(scratch->fd, "new", 0700));
  struct stat made;
  unit::checked(::fstatat(raw(scratch->fd), "new", &made, 0), "stat");
  EXPECT_EQ(made.st_mode & 07777, 02700U);
  EXPECT_EQ(made.st_gid, disk.stat("upper").st_gid);
}

TEST_F(StagingDirectory, HandsDownFlagsToCopiesToo) {
  auto heritage = sys::heritage_of(upper);
  if (!heritage) GTEST_SKIP() << "no flags on this file system";
  must(sys::add_inode_flags(upper, {.no_atime = true}));
  for (const Making making : {Making::New, Making::Copy}) {
    const auto scratch = must(scratch_like(workdir, upper, making));
    ASSERT_NE(scratch, nullptr);
    EXPECT_EQ(must(sys::heritage_of(scratch->fd)), must(sys::heritage_of(upper)));
  }
}

TEST_F(StagingDirectory, TakesALabelOverWhereTheWorkdirHasAnother) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root sets labels";
  const char* label = "security.selinux";
  disk.set_xattr("upper", label, "of the upper");
  EXPECT_EQ(must(scratch_like(workdir, upper, Making::New)), nullptr) << "nothing has labels here";
  disk.set_xattr("work/work", label, "of the workdir");
  const auto scratch = must(scratch_like(workdir, upper, Making::New));
  ASSERT_NE(scratch, nullptr);
  char value[64];
  const ssize_t length = ::fgetxattr(raw(scratch->fd), label, value, sizeof value);
  EXPECT_EQ(std::string(value, static_cast<size_t>(std::max<ssize_t>(length, 0))), "of the upper");
  disk.set_xattr("work/work", label, "of the upper");
  EXPECT_EQ(must(scratch_like(workdir, upper, Making::New)), nullptr) << "the same label";
}

TEST_F(StagingDirectory, GoesWithTheLastTemporaryInIt) {
  disk.directory("upper", 02755);
  {
    layer::PendingUpper published(workdir, must(scratch_like(workdir, upper, Making::New)));
    must(sys::make_directory(published.directory(), published.name(), 0700));
    must(published.publish(upper, "new"));
    layer::PendingUpper dropped(workdir, must(scratch_like(workdir, upper, Making::New)));
    must(sys::make_directory(dropped.directory(), dropped.name(), 0700));
    EXPECT_EQ(temporaries(), 2U);
  }
  EXPECT_EQ(temporaries(), 0U);
  EXPECT_EQ(disk.names("upper"), std::vector<std::string>{"new"});
}

}  // namespace
}  // namespace overpass::overlay
