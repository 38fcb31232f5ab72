// SPDX-License-Identifier: MIT
//
// New objects: what is made in the upper, whose it is, and what becomes of marks that are in the
// way.

#include "overlay/change/create.h"

#include <gtest/gtest.h>

#include "../union.h"
#include "overlay/change/change_attributes.h"
#include "overlay/find/attributes.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::kRoot;
using unit::must;
using unit::Union;

constexpr char kOpaque[] = "trusted.overlay.opaque";

TEST(Create, MakesFilesInTheUpper) {
  Union u;
  u.disk.write("lower1/d/old", "");
  u.write("d/new", "text");
  EXPECT_EQ(u.disk.read("upper/d/new"), "text");
  EXPECT_EQ(u.disk.names("lower1/d"), std::vector<std::string>{"old"});
}

TEST(Create, CopiesUpTheWayToTheFile) {
  Union u;
  u.disk.directory("lower1/a", 0711);
  u.disk.directory("lower1/a/b", 0755);
  u.disk.directory("lower1/a/b/c", 02770);
  u.write("a/b/c/new", "");
  EXPECT_EQ(u.disk.stat("upper/a").st_mode & 07777, 0711U);
  EXPECT_EQ(u.disk.stat("upper/a/b/c").st_mode & 07777, 02770U);
  EXPECT_EQ(u.disk.xattr("upper/a", kOpaque), "-");
}

TEST(Create, RefusesNamesThatTheUpperShows) {
  Union u;
  u.disk.write("upper/file", "");
  u.disk.directory("upper/directory");
  u.disk.write("upper/upper", "");
  EXPECT_EQ(u.make_directory("file"), EEXIST);
  EXPECT_EQ(u.make_directory("directory"), EEXIST);
  EXPECT_EQ(error_of(make_symlink(u.overlay(), kRoot, u.at(""), "upper", "x")), EEXIST);
  EXPECT_EQ(error_of(create_file(u.overlay(), kRoot, u.at(""), "file", O_RDWR, 0644)), EEXIST);
  EXPECT_EQ(u.link("file", "directory"), EEXIST);
}

TEST(Create, RefusesNamesOfTheFormat) {
  Union u;
  u.disk.write("lower1/file", "");
  for (const char* name : {".wh.file", ".wh..wh..opq", ".wh."}) {
    EXPECT_EQ(u.make_directory(name), EPERM) << name;
    EXPECT_EQ(error_of(create_file(u.overlay(), kRoot, u.at(""), name, O_RDWR, 0644)), EPERM);
    EXPECT_EQ(u.link("file", name), EPERM) << name;
  }
  EXPECT_EQ(u.make_directory(".white"), 0);
}

TEST(Create, RefusesDevicesThatWouldBeWhiteouts) {
  Union u;
  EXPECT_EQ(error_of(make_node(u.overlay(), kRoot, u.at(""), "a", S_IFCHR | 0600, 0)), EPERM);
  EXPECT_TRUE(make_node(u.overlay(), kRoot, u.at(""), "b", S_IFCHR | 0600, makedev(1, 3)));
  EXPECT_TRUE(make_node(u.overlay(), kRoot, u.at(""), "c", S_IFIFO | 0600, 0));
  EXPECT_EQ(u.disk.names("upper"), (std::vector<std::string>{"b", "c"}));
}

TEST(Create, RefusesEverythingWithoutAnUpper) {
  Union u({.lowers = 2, .upper = false});
  u.disk.write("lower1/file", "");
  EXPECT_EQ(u.make_directory("new"), EROFS);
  EXPECT_EQ(u.remove("file"), EROFS);
  EXPECT_EQ(u.rename("file", "new"), EROFS);
  EXPECT_EQ(u.link("file", "new"), EROFS);
  EXPECT_EQ(u.chmod("file", 0600), EROFS);
  EXPECT_EQ(error_of(u.try_open("file", O_RDWR)), EROFS);
}

TEST(Create, RefusesEverythingInAReadOnlyMount) {
  Union u({.read_only = true});
  u.disk.write("upper/file", "");
  u.disk.write("lower1/d/file", "");
  for (const char* name : {"new", "d/new"}) EXPECT_EQ(u.make_directory(name), EROFS) << name;
  EXPECT_EQ(u.remove("file"), EROFS);
  EXPECT_EQ(u.rename("file", "new"), EROFS);
  EXPECT_EQ(u.link("file", "new"), EROFS);
  EXPECT_EQ(u.chmod("file", 0600), EROFS);
  EXPECT_EQ(u.chmod("d", 0700), EROFS);
  EXPECT_EQ(u.truncate("file", 0), EROFS);
}

TEST(Create, ReplacesAWhiteout) {
  Union u;
  u.disk.write("lower1/file", "old");
  ASSERT_EQ(u.remove("file"), 0);
  ASSERT_TRUE(u.disk.is_whiteout("upper/file"));
  u.write("file", "new");
  EXPECT_EQ(u.read("file"), "new");
  EXPECT_EQ(u.disk.read("upper/file"), "new");
  EXPECT_TRUE(u.disk.names("work/work").size() <= 1) << "temporaries are left";
}

TEST(Create, MakesADirectoryOpaqueWhereLowersHaveOne) {
  Union u;
  u.disk.write("lower1/d/old", "");
  ASSERT_EQ(u.remove("d/old"), 0);
  ASSERT_EQ(u.remove_directory("d"), 0);
  ASSERT_EQ(u.make_directory("d"), 0);
  EXPECT_EQ(u.names("d"), std::vector<std::string>());
  EXPECT_EQ(u.disk.xattr("upper/d", kOpaque), "y");
  u.remount();
  EXPECT_FALSE(u.shows("d/old"));
}

TEST(Create, LeavesADirectoryUnmarkedWhereLowersHaveNothing) {
  Union u;
  ASSERT_EQ(u.make_directory("d"), 0);
  EXPECT_EQ(u.disk.xattr("upper/d", kOpaque), "-");
}

TEST(Create, HidesNamesThatOnlyFuseOverlayfsHid) {
  Union u;
  u.disk.write("lower1/d/old", "");
  u.disk.write("upper/.wh.d", "");
  ASSERT_FALSE(u.shows("d"));
  ASSERT_EQ(u.make_directory("d"), 0);
  EXPECT_FALSE(u.shows("d/old"));
  u.remount();
  EXPECT_TRUE(u.shows("d"));
  EXPECT_FALSE(u.shows("d/old"));
}

TEST(Create, GivesTheObjectToTheCaller) {
  Union u;
  const Caller caller = {.uid = 1000, .gid = 1001, .umask = 027};
  ASSERT_TRUE(make_directory(u.overlay(), caller, u.at(""), "d", 0777));
  const struct stat made = u.disk.stat("upper/d");
  EXPECT_EQ(made.st_uid, 1000U);
  EXPECT_EQ(made.st_gid, 1001U);
  EXPECT_EQ(made.st_mode & 07777, 0750U);
}

TEST(Create, GivesTheObjectToTheCallerOverAWhiteoutToo) {
  Union u;
  u.disk.write("lower1/file", "");
  ASSERT_EQ(u.remove("file"), 0);
  const Caller caller = {.uid = 1000, .gid = 1001, .umask = 027};
  auto created = must(create_file(u.overlay(), caller, u.at(""), "file", O_RDWR, 0666));
  release_file(u.overlay(), *created.opened.file);
  const struct stat made = u.disk.stat("upper/file");
  EXPECT_EQ(made.st_uid, 1000U);
  EXPECT_EQ(made.st_gid, 1001U);
  EXPECT_EQ(made.st_mode & 07777, 0640U);
}

/// Inheritance must be the same where the object is made in the workdir first.
class Inheritance : public testing::TestWithParam<bool> {
 protected:
  Inheritance() {
    u_.disk.write("lower1/d/file", "");
    u_.disk.write("lower1/d/directory/inside", "");
    if (!over_whiteouts()) return;
    EXPECT_EQ(u_.remove("d/file"), 0);
    EXPECT_EQ(u_.remove("d/directory/inside"), 0);
    EXPECT_EQ(u_.remove_directory("d/directory"), 0);
  }
  bool over_whiteouts() const { return GetParam(); }
  std::string name_of_file() const { return over_whiteouts() ? "file" : "new file"; }
  std::string name_of_directory() const { return over_whiteouts() ? "directory" : "new directory"; }

  void make_both() {
    const InodeRef d = u_.at("d");
    const Caller caller = {.uid = 1000, .gid = 1001, .umask = 022};
    auto created = must(create_file(u_.overlay(), caller, d, name_of_file().c_str(), O_RDWR, 0666));
    release_file(u_.overlay(), *created.opened.file);
    must(make_directory(u_.overlay(), caller, d, name_of_directory().c_str(), 0777));
  }

  struct stat file() {
    return u_.disk.stat("upper/d/" + name_of_file());
  }
  struct stat directory() {
    return u_.disk.stat("upper/d/" + name_of_directory());
  }

  Union u_;
};

TEST_P(Inheritance, TakesTheGroupOfASetGroupIdDirectory) {
  ASSERT_EQ(u_.chmod("d", 02775), 0);
  Changes group;
  group.gid = 2000;
  const Caller owner = {.uid = 0, .gid = 0, .thread = ::gettid()};
  ASSERT_TRUE(change_attributes(u_.overlay(), owner, u_.at("d"), group, nullptr));
  make_both();
  EXPECT_EQ(file().st_gid, 2000U);
  EXPECT_EQ(file().st_uid, 1000U);
  EXPECT_EQ(directory().st_gid, 2000U);
  EXPECT_EQ(directory().st_mode & 07777, 02755U);
}

TEST_P(Inheritance, TakesTheDefaultAclInPlaceOfTheUmask) {
  // Version 2; user rwx, named group 5 rw, group rw, mask rw, other nothing.
  const std::string acl(
      "\2\0\0\0\1\0\7\0\xff\xff\xff\xff\4\0\6\0\xff\xff\xff\xff\10\0\6\0\5\0\0\0\20\0\6\0"
      "\xff\xff\xff\xff\40\0\0\0\xff\xff\xff\xff",
      44);
  ASSERT_EQ(u_.chmod("d", 0777), 0);
  u_.disk.set_xattr("upper/d", "system.posix_acl_default", acl);
  make_both();
  EXPECT_EQ(file().st_mode & 0777, 0660U);
  EXPECT_NE(u_.disk.xattr("upper/d/" + name_of_file(), "system.posix_acl_access"), "-");
  EXPECT_EQ(directory().st_mode & 0777, 0760U);
  EXPECT_NE(u_.disk.xattr("upper/d/" + name_of_directory(), "system.posix_acl_default"), "-");
}

INSTANTIATE_TEST_SUITE_P(Made, Inheritance, testing::Values(false, true), [](const auto& made) {
  return std::string(made.param ? "OverAWhiteout" : "WhereNothingIs");
});

TEST(Unnamed, FilesCanBeGivenAName) {
  Union u;
  auto created = must(create_unnamed(u.overlay(), kRoot, u.at(""), O_RDWR, 0600));
  EXPECT_EQ(created.entry.stat.stx_nlink, 0U);
  EXPECT_EQ(must(attributes(u.overlay(), created.entry.inode)).stx_mode & 0777, 0600U);
  const auto entry = must(make_link(u.overlay(), kRoot, created.entry.inode, u.at(""), "named"));
  EXPECT_EQ(entry.stat.stx_nlink, 1U);
  EXPECT_EQ(entry.inode.get(), created.entry.inode.get());
  EXPECT_EQ(u.at("named").get(), created.entry.inode.get());
  release_file(u.overlay(), *created.opened.file);
  EXPECT_TRUE(u.disk.exists("upper/named"));
}

TEST(Unnamed, FilesLeaveNothingBehind) {
  Union u;
  {
    auto created = must(create_unnamed(u.overlay(), kRoot, u.at(""), O_RDWR, 0600));
    release_file(u.overlay(), *created.opened.file);
  }
  EXPECT_EQ(u.disk.names("upper"), std::vector<std::string>());
  EXPECT_EQ(u.overlay().table.size(), 1U);
}

TEST(Link, CopiesTheFileUpFirst) {
  Union u;
  u.disk.write("lower1/file", "text");
  ASSERT_EQ(u.link("file", "link"), 0);
  EXPECT_EQ(u.disk.stat("upper/file").st_ino, u.disk.stat("upper/link").st_ino);
  EXPECT_EQ(u.at("file").get(), u.at("link").get());
  EXPECT_EQ(u.stat("file").stx_nlink, 2U);
}

TEST(Link, ReplacesAWhiteout) {
  Union u;
  u.disk.write("lower1/gone", "old");
  u.disk.write("lower1/file", "text");
  ASSERT_EQ(u.remove("gone"), 0);
  ASSERT_EQ(u.link("file", "gone"), 0);
  EXPECT_EQ(u.read("gone"), "text");
  EXPECT_EQ(u.stat("gone").stx_nlink, 2U);
}

TEST(Link, IsOneInodeWithItsFileAfterARemountToo) {
  Union u;
  u.disk.write("upper/a", "text");
  ASSERT_EQ(::link(u.disk.path("upper/a").c_str(), u.disk.path("upper/b").c_str()), 0);
  const InodeRef a = u.at("a");
  EXPECT_EQ(u.at("b").get(), a.get());
  u.open("a", O_WRONLY).write("more");
  EXPECT_EQ(u.read("b"), "more");
}

}  // namespace
}  // namespace overpass::overlay
