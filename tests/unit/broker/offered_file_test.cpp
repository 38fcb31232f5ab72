// SPDX-License-Identifier: MIT
//
// What needs no privilege: every kind of descriptor that a process can have for the asking.

#include "broker/offered_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../sys/scratch.h"
#include "broker/served_file_systems.h"
#include "sys/stat.h"

namespace overpass::broker {

namespace {

Refusal verdict(int fd) {
  const UniqueFd owner(fd);
  EXPECT_FALSE(owner.empty());
  KnownMounts mounts;
  const auto checked = check_file(owner, mounts);
  return checked ? Refusal::None : checked.error().refusal;
}

class OfferedFile : public testing::Test {
 protected:
  OfferedFile() {
    path_ = scratch_.path("file");
    UniqueFd(::open(path_.c_str(), O_CREAT | O_WRONLY, 0600)).reset();
    const UniqueFd fd(::open(path_.c_str(), O_RDONLY));
    served_ = is_served(sys::file_system_magic(fd).value_or(0));
  }

  int open(int flags) { return ::open(path_.c_str(), flags); }

  unit::Scratch scratch_;
  std::string path_;
  bool served_ = false;
};

TEST_F(OfferedFile, IsGrantedTheAccessItWasOpenedFor) {
  if (!served_) GTEST_SKIP() << "the scratch directory is on a file system that is not served";
  KnownMounts mounts;  // From the second on the mount is known.
  for (const auto& [flags, access] :
       {std::pair(O_RDONLY, Access::Read), std::pair(O_RDWR, Access::ReadWrite),
        std::pair(O_RDWR | O_NONBLOCK, Access::ReadWrite)}) {
    const UniqueFd fd(open(flags));
    const auto checked = check_file(fd, mounts);
    ASSERT_TRUE(checked.has_value());
    EXPECT_EQ(checked->access, access);
  }
}

TEST_F(OfferedFile, IsRefusedWithoutTheRightToRead) {
  EXPECT_EQ(verdict(open(O_PATH)), Refusal::PathOnly);
  EXPECT_EQ(verdict(open(O_PATH | O_RDWR)), Refusal::PathOnly);
  EXPECT_EQ(verdict(open(O_WRONLY)), Refusal::WriteOnly);
  EXPECT_EQ(verdict(open(O_ACCMODE)), Refusal::WriteOnly);
  EXPECT_EQ(verdict(open(O_RDWR | O_APPEND)), Refusal::AppendOnly);
  EXPECT_EQ(verdict(open(O_RDONLY | O_APPEND)), Refusal::AppendOnly);
}

TEST_F(OfferedFile, IsRefusedWhenItIsNoFile) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_EQ(verdict(ends[0]), Refusal::NotRegular);
  EXPECT_EQ(verdict(ends[1]), Refusal::WriteOnly);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  EXPECT_EQ(verdict(ends[0]), Refusal::NotRegular);
  EXPECT_EQ(verdict(ends[1]), Refusal::NotRegular);
  EXPECT_EQ(verdict(::open("/", O_RDONLY | O_DIRECTORY)), Refusal::NotRegular);
  EXPECT_EQ(verdict(::open("/dev/null", O_RDWR)), Refusal::NotRegular);
  EXPECT_NE(verdict(::eventfd(0, 0)), Refusal::None);
}

TEST_F(OfferedFile, IsRefusedInMemoryThatMayBeSealed) {
  EXPECT_EQ(verdict(::memfd_create("x", MFD_ALLOW_SEALING)), Refusal::Sealable);
  EXPECT_EQ(verdict(::memfd_create("x", 0)), Refusal::Sealable);
}

TEST_F(OfferedFile, IsRefusedOnFileSystemsThatLookAtTheOpener) {
  EXPECT_EQ(verdict(::open("/proc/self/pagemap", O_RDONLY)), Refusal::FileSystem);
  EXPECT_EQ(verdict(::open("/proc/self/mem", O_RDWR)), Refusal::FileSystem);
  EXPECT_EQ(verdict(::open("/proc/self/ns/mnt", O_RDONLY)), Refusal::FileSystem);
}

TEST(FuseDevice, IsNoOtherDescriptor) {
  for (const auto& [path, flags] :
       {std::pair("/dev/null", O_RDWR), std::pair("/", O_RDONLY), std::pair("/dev/fuse", O_PATH),
        std::pair("/proc/self/mem", O_RDWR)}) {
    const UniqueFd fd(::open(path, flags));
    if (fd.empty()) continue;  // No /dev/fuse here.
    EXPECT_FALSE(check_fuse_device(fd).has_value()) << path;
  }
}

}  // namespace

}  // namespace overpass::broker
