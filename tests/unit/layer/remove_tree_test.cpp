// SPDX-License-Identifier: MIT
//
// Trees of any depth, width and mode, and what must not be followed out of them.

#include "layer/remove_tree.h"

#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "../sys/scratch.h"

namespace overpass::layer {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

class RemovedTree : public testing::Test {
 protected:
  RemovedTree() {
    disk.directory("work");
    work = disk.open("work", O_RDONLY | O_DIRECTORY);
  }

  std::vector<std::string> left() const { return disk.names("work"); }

  Scratch disk;
  UniqueFd work;
};

/// Lets this process open `more` descriptors while it lives, and no further one.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd next(unit::checked(::open("/", O_RDONLY | O_CLOEXEC), "open"));
    const rlimit few = {static_cast<rlim_t>(raw(next)) + more, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

/// Makes `levels` directories below each other, with a file in each.
void make_deep(BorrowedFd top, int levels) {
  UniqueFd at(unit::checked(::openat(raw(top), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open"));
  for (int i = 0; i < levels; ++i) {
    unit::checked(::mkdirat(raw(at), "a directory with a long name", 0755), "mkdir");
    UniqueFd below(unit::checked(
        ::openat(raw(at), "a directory with a long name", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        "openat"));
    const UniqueFd file(
        unit::checked(::openat(raw(below), "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0644), "create"));
    at = std::move(below);
  }
}

TEST_F(RemovedTree, MayBeDeeperThanPathsAndDescriptorsReach) {
  disk.directory("work/t");
  make_deep(disk.open("work/t", O_RDONLY | O_DIRECTORY), 20'000);
  const FewDescriptors few(4);
  must(remove_tree(work, "t"));
  EXPECT_EQ(left(), std::vector<std::string>());
}

TEST_F(RemovedTree, MayHaveMoreDirectoriesInOneThanAreNoted) {
  for (int i = 0; i < 2500; ++i) disk.write("work/t/" + std::to_string(i) + "/file", "");
  for (int i = 0; i < 2500; ++i) disk.write("work/t/f" + std::to_string(i), "");
  must(remove_tree(work, "t"));
  EXPECT_EQ(left(), std::vector<std::string>());
}

TEST_F(RemovedTree, MayBeAFileOrALink) {
  disk.write("work/file", "");
  std::filesystem::create_directory_symlink(disk.directory("elsewhere"), disk.path("work/link"));
  disk.write("elsewhere/file", "not ours");
  must(remove_tree(work, "file"));
  must(remove_tree(work, "link"));
  EXPECT_EQ(left(), std::vector<std::string>());
  EXPECT_TRUE(disk.exists("elsewhere/file"));
  EXPECT_EQ(error_of(remove_tree(work, "absent")), ENOENT);
}

TEST_F(RemovedTree, IsNotLeftByALinkInIt) {
  disk.write("work/t/deep/file", "");
  disk.write("elsewhere/file", "not ours");
  std::filesystem::create_directory_symlink(disk.path("elsewhere"), disk.path("work/t/deep/link"));
  must(remove_tree(work, "t"));
  EXPECT_TRUE(disk.exists("elsewhere/file"));
}

TEST_F(RemovedTree, IsNotLeftByAMountInIt) {
  disk.directory("work/t/deep/mountpoint");
  disk.write("elsewhere/file", "not ours");
  if (::mount(disk.path("elsewhere").c_str(), disk.path("work/t/deep/mountpoint").c_str(), nullptr,
              MS_BIND, nullptr) < 0) {
    GTEST_SKIP() << "this process may not mount";
  }
  const int error = error_of(remove_tree(work, "t"));
  ::umount2(disk.path("work/t/deep/mountpoint").c_str(), MNT_DETACH);
  EXPECT_EQ(error, EBUSY);
  EXPECT_TRUE(disk.exists("elsewhere/file"));
}

TEST_F(RemovedTree, MayForbidItsOwnerEverything) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  disk.write("work/t/unreadable/file", "");
  disk.write("work/t/unsearchable/file", "");
  disk.write("work/t/unwritable/below/file", "");
  for (const char* name :
       {"", "/unreadable", "/unsearchable", "/unwritable", "/unwritable/below"}) {
    unit::checked(::chown(disk.path("work/t" + std::string(name)).c_str(), 65534, 65534), "chown");
  }
  disk.directory("work/t/unreadable", 0);
  disk.directory("work/t/unsearchable", 0400);
  disk.directory("work/t/unwritable/below", 0500);
  disk.directory("work/t/unwritable", 0500);
  unit::checked(::chown(disk.path("work").c_str(), 65534, 65534), "chown");
  // fsuid alone: it takes CAP_DAC_OVERRIDE from the calls on files.
  ::setfsuid(65534);
  const auto removed = remove_tree(work, "t");
  ::setfsuid(0);
  must(removed);
  EXPECT_EQ(left(), std::vector<std::string>());
}

}  // namespace
}  // namespace overpass::layer
