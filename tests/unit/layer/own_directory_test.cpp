// SPDX-License-Identifier: MIT
//
// Directories of the daemon's own in a workdir that another user prepared.

#include "layer/own_directory.h"

#include <gtest/gtest.h>

#include "../sys/scratch.h"
#include "layer/remove_tree.h"

namespace overpass::layer {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

constexpr uid_t kOther = 1001;
constexpr uid_t kThird = 1002;

bool is_root() { return ::geteuid() == 0; }

/// An ACL with one more user, as setfacl(1) would make it: version 2, then tag, permissions, id.
std::string acl_for_a_user() {
  std::string acl("\2\0\0\0", 4);
  const auto entry = [&](uint16_t tag, uint16_t permissions, uint32_t id) {
    acl.append(reinterpret_cast<const char*>(&tag), sizeof tag);
    acl.append(reinterpret_cast<const char*>(&permissions), sizeof permissions);
    acl.append(reinterpret_cast<const char*>(&id), sizeof id);
  };
  constexpr uint32_t kNone = 0xFFFFFFFF;
  entry(0x01, 7, kNone);
  entry(0x02, 7, kOther);
  entry(0x04, 7, kNone);
  entry(0x10, 7, kNone);
  entry(0x20, 0, kNone);
  return acl;
}

class OwnDirectory : public testing::Test {
 protected:
  OwnDirectory() {
    disk.directory("work");
    work = disk.open("work", O_RDONLY | O_DIRECTORY);
  }

  void give(const std::string& name, uid_t uid) {
    unit::checked(::chown(disk.path(name).c_str(), uid, uid), "chown " + name);
  }

  Scratch disk;
  UniqueFd work;
};

TEST_F(OwnDirectory, IsForTheDaemonAlone) {
  unit::checked(::chmod(disk.path("work").c_str(), 02777), "chmod");
  const UniqueFd made = must(make_own_directory(work, "own"));
  EXPECT_EQ(disk.stat("work/own").st_mode & 07777, 0700U);
  EXPECT_EQ(must(ownership_of(made)), Ownership::Own);
  EXPECT_EQ(error_of(make_own_directory(work, "own")), EEXIST);
}

TEST_F(OwnDirectory, HasNoAclsOfItsParent) {
  disk.set_xattr("work", "system.posix_acl_default", acl_for_a_user());
  must(make_own_directory(work, "own"));
  EXPECT_EQ(disk.xattr("work/own", "system.posix_acl_default"), "-");
  EXPECT_EQ(disk.xattr("work/own", "system.posix_acl_access"), "-");
  disk.directory("work/former", 0750);
  disk.set_xattr("work/former", "system.posix_acl_access", acl_for_a_user());
  const UniqueFd former = disk.open("work/former", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(must(ownership_of(former)), Ownership::Foreign) << "another user may write in it";
  must(close_to_others(former));
  EXPECT_EQ(must(ownership_of(former)), Ownership::Own);
  EXPECT_EQ(disk.xattr("work/former", "system.posix_acl_access"), "-");
  EXPECT_EQ(disk.stat("work/former").st_mode & 07777, 0700U);
}

TEST_F(OwnDirectory, IsForeignWhenOthersMayWriteInIt) {
  for (const mode_t mode : {0720, 0702, 0777, 01777}) {
    disk.directory("work/d", mode);
    EXPECT_EQ(must(ownership_of(disk.open("work/d"))), Ownership::Foreign) << mode;
  }
  for (const mode_t mode : {0700, 0755, 0000}) {
    disk.directory("work/d", 0700);
    const UniqueFd fd = disk.open("work/d");
    disk.directory("work/d", mode);
    EXPECT_EQ(must(ownership_of(fd)), Ownership::Own) << mode;
  }
  if (!is_root()) return;
  give("work/d", kOther);
  EXPECT_EQ(must(ownership_of(disk.open("work/d"))), Ownership::Foreign) << "another's";
}

TEST_F(OwnDirectory, IsOpenedThoughTheKernelClosedIt) {
  disk.directory("work/d", 0);
  EXPECT_TRUE(open_own_directory(work, "d"));
  EXPECT_EQ(error_of(open_own_directory(work, "absent")), ENOENT);
  std::filesystem::create_directory_symlink(disk.path("work/d"), disk.path("work/link"));
  EXPECT_EQ(error_of(open_own_directory(work, "link")), ENOTDIR);
}

TEST_F(OwnDirectory, OfAnEarlierMountIsRemovedWithItsContent) {
  EXPECT_FALSE(must(remove_former_directory(work, "d")));
  disk.write("work/d/#1/deep/file", "");
  EXPECT_TRUE(must(remove_former_directory(work, "d")));
  EXPECT_EQ(disk.names("work"), std::vector<std::string>());
  disk.write("work/d", "a file");
  EXPECT_EQ(error_of(remove_former_directory(work, "d")), ENOTDIR);
}

TEST_F(OwnDirectory, OfAnotherUserIsEmptiedByThatUsersRights) {
  if (!is_root()) GTEST_SKIP() << "only root gives directories away";
  disk.write("work/d/his/file", "");
  give("work/d", kOther);
  give("work/d/his", kOther);
  EXPECT_TRUE(must(remove_former_directory(work, "d")));
  disk.write("work/d/theirs/file", "");
  give("work/d", kOther);
  give("work/d/theirs", kThird);
  EXPECT_EQ(error_of(remove_former_directory(work, "d")), EPERM);
  EXPECT_TRUE(disk.exists("work/d/theirs/file"));
}

TEST_F(OwnDirectory, IsRemovedHoweverDeepItIs) {
  std::string path = "work/d";
  for (int i = 0; i < 300; ++i) path += "/d";
  disk.directory(path);
  EXPECT_TRUE(must(remove_former_directory(work, "d")));
  EXPECT_EQ(disk.names("work"), std::vector<std::string>());
}

}  // namespace
}  // namespace overpass::layer
