// SPDX-License-Identifier: MIT
//
// A descriptor is closed once, and only by its last owner.

#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace overpass {
namespace {

int opened() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesAtItsEnd) {
  const int fd = opened();
  {
    const UniqueFd owner(fd);
    EXPECT_TRUE(is_open(fd));
    EXPECT_EQ(raw(owner), fd);
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, IsEmptyWithANegativeNumber) {
  EXPECT_TRUE(UniqueFd().empty());
  EXPECT_TRUE(UniqueFd(-1).empty());
  EXPECT_TRUE(UniqueFd(AT_FDCWD).empty());
}

TEST(UniqueFd, IsEmptyAfterItWasMovedFrom) {
  const int fd = opened();
  UniqueFd first(fd);
  UniqueFd second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT: that is what is tested.
  EXPECT_TRUE(is_open(fd));
  EXPECT_EQ(raw(second), fd);
}

TEST(UniqueFd, ClosesItsDescriptorWhenAssignedAnother) {
  const int old = opened();
  UniqueFd owner(old);
  const int fresh = opened();
  owner = UniqueFd(fresh);
  EXPECT_FALSE(is_open(old));
  EXPECT_TRUE(is_open(fresh));
}

TEST(UniqueFd, KeepsItsDescriptorWhenAssignedToItself) {
  const int fd = opened();
  UniqueFd owner(fd);
  UniqueFd& same = owner;
  owner = std::move(same);
  EXPECT_TRUE(is_open(fd));
  EXPECT_EQ(raw(owner), fd);
}

TEST(UniqueFd, LeavesADescriptorOpenThatItGaveUp) {
  const int fd = opened();
  {
    UniqueFd owner(fd);
    EXPECT_EQ(owner.release(), fd);
    EXPECT_TRUE(owner.empty());
  }
  EXPECT_TRUE(is_open(fd));
  ::close(fd);
}

}  // namespace
}  // namespace overpass
