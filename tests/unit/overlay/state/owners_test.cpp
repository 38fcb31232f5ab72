// SPDX-License-Identifier: MIT
//
// Owners on disk and owners shown, and owners kept in attributes: every way in which a file comes
// to be, seen from both sides.

#include "overlay/state/owners.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include <cstring>

#include "../union.h"
#include "overlay/change/change_attributes.h"
#include "overlay/change/create.h"
#include "overlay/change/xattr.h"
#include "overlay/find/attributes.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::must;
using unit::Union;
using unit::UnionOptions;

constexpr uid_t kDisk = 10;
constexpr uid_t kShown = 1010;

UnionOptions mapped() {
  UnionOptions options;
  options.owners.users = *IdMap::parse("0:1000:100");
  options.owners.groups = *IdMap::parse("0:2000:100");
  return options;
}

UnionOptions overridden() {
  UnionOptions options;
  options.acls = false;
  options.stat_override = layer::StatOverride::User;
  return options;
}

Caller caller(uid_t uid, gid_t gid) { return {.uid = uid, .gid = gid, .umask = 022}; }

struct Owner {
  uid_t uid;
  gid_t gid;
  bool operator==(const Owner&) const = default;
};

Owner owner_of(const sys::Stat& stat) { return {stat.stx_uid, stat.stx_gid}; }
Owner on_disk(Union& u, const std::string& path) {
  struct stat stat = {};
  EXPECT_EQ(::lstat(u.disk.path(path).c_str(), &stat), 0) << path;
  return {stat.st_uid, stat.st_gid};
}

TEST(MappedOwners, AreShownOfLowerAndUpper) {
  Union u(mapped());
  u.disk.write("lower1/low", "x");
  u.disk.write("upper/up", "x");
  for (const char* path : {"lower1/low", "upper/up"}) {
    ASSERT_EQ(::chown(u.disk.path(path).c_str(), kDisk, kDisk + 1), 0);
  }
  EXPECT_EQ(owner_of(u.stat("low")), (Owner{kShown, 2011}));
  EXPECT_EQ(owner_of(u.stat("up")), (Owner{kShown, 2011}));
}

TEST(MappedOwners, OutsideOfTheMapAreTheOverflowId) {
  Union u(mapped());
  u.disk.write("lower1/file", "x");
  ASSERT_EQ(::chown(u.disk.path("lower1/file").c_str(), 5000, 5000), 0);
  EXPECT_EQ(owner_of(u.stat("file")), (Owner{IdMap::kOverflow, IdMap::kOverflow}));
  EXPECT_EQ(u.chmod("file", 0600), 0);
  EXPECT_EQ(on_disk(u, "upper/file"), (Owner{5000, 5000})) << "a copy keeps the owner on disk";
}

TEST(MappedOwners, OfNewFilesAreTheCallersOnDisk) {
  Union u(mapped());
  const InodeRef root = u.at("");
  must(create_file(u.overlay(), caller(kShown, 2003), root, "file", O_RDWR, 0644));
  must(make_directory(u.overlay(), caller(kShown, 2003), root, "dir", 0755));
  must(make_symlink(u.overlay(), caller(kShown, 2003), root, "link", "to"));
  must(create_unnamed(u.overlay(), caller(kShown, 2003), root, O_RDWR, 0600));
  for (const char* name : {"file", "dir", "link"}) {
    EXPECT_EQ(on_disk(u, std::string("upper/") + name), (Owner{kDisk, 3})) << name;
    EXPECT_EQ(owner_of(u.stat(name)), (Owner{kShown, 2003})) << name;
  }
}

TEST(MappedOwners, AreTheOverflowIdOrEoverflowWithoutAnIdOnDisk) {
  Union u(mapped());
  u.disk.write("upper/own", "x");
  const InodeRef root = u.at("");
  must(create_file(u.overlay(), caller(7, 2000), root, "file", O_RDWR, 0644));
  EXPECT_EQ(owner_of(u.stat("file")), (Owner{IdMap::kOverflow, 2000}));
  EXPECT_EQ(on_disk(u, "upper/file"), (Owner{IdMap::kOverflow, 0}));
  Changes changes;
  changes.uid = 7;
  const auto changed = change_attributes(u.overlay(), unit::kRoot, u.at("own"), changes, nullptr);
  EXPECT_EQ(error_of(changed), EOVERFLOW);
}

TEST(MappedOwners, AreChangedOnDisk) {
  Union u(mapped());
  u.disk.write("lower1/file", "x");
  Changes changes;
  changes.uid = kShown;
  changes.gid = 2050;
  const sys::Stat told =
      must(change_attributes(u.overlay(), unit::kRoot, u.at("file"), changes, nullptr));
  EXPECT_EQ(owner_of(told), (Owner{kShown, 2050}));
  EXPECT_EQ(on_disk(u, "upper/file"), (Owner{kDisk, 50}));
}

TEST(MappedOwners, AreMappedInAcls) {
  struct {
    posix_acl_xattr_header header = {htole32(POSIX_ACL_XATTR_VERSION)};
    posix_acl_xattr_entry entries[5] = {{htole16(ACL_USER_OBJ), htole16(6), htole32(~0U)},
                                        {htole16(ACL_USER), htole16(4), htole32(kShown)},
                                        {htole16(ACL_GROUP_OBJ), htole16(4), htole32(~0U)},
                                        {htole16(ACL_MASK), htole16(6), htole32(~0U)},
                                        {htole16(ACL_OTHER), htole16(0), htole32(~0U)}};
  } acl;
  const std::string_view value(reinterpret_cast<const char*>(&acl), sizeof acl);
  Union u(mapped());
  u.disk.write("upper/file", "x");
  const char* name = "system.posix_acl_access";
  ASSERT_EQ(error_of(set_xattr(u.overlay(), unit::kRoot, u.at("file"), name, value, 0)), 0);
  std::string stored = u.disk.xattr("upper/file", name);
  ASSERT_EQ(stored.size(), sizeof acl);
  std::memcpy(&acl, stored.data(), sizeof acl);
  EXPECT_EQ(le32toh(acl.entries[1].e_id), kDisk);
  char shown[256];
  const size_t length = must(get_xattr(u.overlay(), u.at("file"), name, shown));
  ASSERT_EQ(length, sizeof acl);
  std::memcpy(&acl, shown, sizeof acl);
  EXPECT_EQ(le32toh(acl.entries[1].e_id), kShown);
}

TEST(SquashedOwners, AreShownOfEverything) {
  UnionOptions options;
  options.owners.squash_user = 7;
  options.owners.squash_group = 8;
  Union u(options);
  u.disk.write("lower1/file", "x");
  EXPECT_EQ(owner_of(u.stat("file")), (Owner{7, 8}));
  EXPECT_EQ(owner_of(u.stat("")), (Owner{7, 8}));
  Changes changes;
  changes.uid = 7;
  must(change_attributes(u.overlay(), unit::kRoot, u.at("file"), changes, nullptr));
  EXPECT_EQ(on_disk(u, "upper/file"), (Owner{0, 0})) << "what shows it already need not get it";
}

TEST(OverriddenOwners, AreKeptInAttributesOfWhatIsNew) {
  Union u(overridden());
  {
    const InodeRef root = u.at("");
    must(create_file(u.overlay(), caller(7, 8), root, "file", O_RDWR, 04755));
    must(make_directory(u.overlay(), caller(7, 8), root, "dir", 0770));
    must(make_node(u.overlay(), caller(7, 8), root, "null", S_IFCHR | 0666, makedev(1, 3)));
    must(make_node(u.overlay(), caller(7, 8), root, "pipe", S_IFIFO | 0600, 0));
  }
  EXPECT_EQ(u.disk.xattr("upper/file", "user.containers.override_stat"), "7:8:4755:file");
  EXPECT_EQ(u.disk.xattr("upper/dir", "user.containers.override_stat"), "7:8:0750:dir");
  EXPECT_EQ(u.disk.xattr("upper/null", "user.containers.override_stat"), "7:8:0644:char-1-3");
  EXPECT_EQ(u.disk.xattr("upper/pipe", "user.containers.override_stat"), "7:8:0600:pipe");
  EXPECT_EQ(on_disk(u, "upper/file"), (Owner{0, 0}));
  u.remount();
  EXPECT_EQ(u.stat("file").stx_mode, S_IFREG | 04755);
  EXPECT_EQ(owner_of(u.stat("file")), (Owner{7, 8}));
  EXPECT_EQ(u.stat("null").stx_mode, S_IFCHR | 0644);
  EXPECT_EQ(u.stat("null").stx_rdev_minor, 3U);
  EXPECT_EQ(u.stat("pipe").stx_mode, S_IFIFO | 0600);
  for (const auto& entry : u.list("", /*with_attributes=*/false)) {
    if (entry.name != "pipe") continue;
    EXPECT_EQ(entry.type, DT_FIFO);
  }
}

TEST(OverriddenOwners, AreThoseOfTheLowerInACopy) {
  Union u(overridden());
  u.disk.write("lower1/file", "bytes");
  ASSERT_EQ(::chown(u.disk.path("lower1/file").c_str(), 7, 8), 0);
  ASSERT_EQ(::chmod(u.disk.path("lower1/file").c_str(), 04754), 0);
  u.write("file", "B");
  EXPECT_EQ(u.disk.xattr("upper/file", "user.containers.override_stat"), "7:8:4754:file");
  EXPECT_EQ(on_disk(u, "upper/file"), (Owner{0, 0}));
  EXPECT_EQ(owner_of(u.stat("file")), (Owner{7, 8}));
  EXPECT_EQ(u.stat("file").stx_mode, S_IFREG | 04754);
  EXPECT_EQ(u.read("file"), "Bytes");
}

TEST(OverriddenOwners, AreChangedInTheAttribute) {
  Union u(overridden());
  u.write("file", "x");
  Changes changes;
  changes.uid = 70;
  changes.mode = 0400;
  const sys::Stat told =
      must(change_attributes(u.overlay(), unit::kRoot, u.at("file"), changes, nullptr));
  EXPECT_EQ(told.stx_uid, 70U);
  EXPECT_EQ(told.stx_mode, S_IFREG | 0400);
  EXPECT_EQ(u.disk.xattr("upper/file", "user.containers.override_stat"), "70:0:0400:file");
}

TEST(OverriddenOwners, AreOfTheGroupThatASetgidDirectoryHas) {
  Union u(overridden());
  const InodeRef root = u.at("");
  must(make_directory(u.overlay(), caller(7, 8), root, "dir", 02777));
  must(make_directory(u.overlay(), caller(1, 2), u.at("dir"), "below", 0777));
  must(create_file(u.overlay(), caller(1, 2), u.at("dir"), "file", O_RDWR, 0666));
  EXPECT_EQ(owner_of(u.stat("dir/file")), (Owner{1, 8}));
  EXPECT_EQ(owner_of(u.stat("dir/below")), (Owner{1, 8}));
  EXPECT_EQ(u.stat("dir/below").stx_mode, S_IFDIR | 02755);
}

TEST(OverriddenOwners, AreNoAttributesOfCallers) {
  Union u(overridden());
  u.write("file", "x");
  const char* name = "user.containers.override_stat";
  EXPECT_EQ(error_of(get_xattr(u.overlay(), u.at("file"), name, {})), ENODATA);
  EXPECT_EQ(error_of(set_xattr(u.overlay(), unit::kRoot, u.at("file"), name, "0:0:4755", 0)),
            EPERM);
  EXPECT_EQ(must(list_xattrs(u.overlay(), unit::kRoot, u.at("file"))), "");
  const char* kept = "security.capability";
  ASSERT_EQ(error_of(set_xattr(u.overlay(), unit::kRoot, u.at("file"), kept, "value", 0)), 0);
  EXPECT_EQ(u.disk.xattr("upper/file", "user.containers.override_security.capability"), "value");
  EXPECT_EQ(must(list_xattrs(u.overlay(), unit::kRoot, u.at("file"))), std::string(kept) + '\0');
}

TEST(OverriddenOwners, ThatAreGarbledAreAnError) {
  Union u(overridden());
  u.disk.write("upper/file", "x");
  u.disk.set_xattr("upper/file", "user.containers.override_stat", "root");
  u.disk.set_xattr("upper", "user.containers.override_stat", "0:0:755");
  EXPECT_EQ(error_of(u.look_up("file")), EIO);
}

}  // namespace
}  // namespace overpass::overlay
