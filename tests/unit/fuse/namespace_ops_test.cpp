// SPDX-License-Identifier: MIT
//
// LOOKUP, and MKNOD, MKDIR, SYMLINK, LINK, UNLINK, RMDIR, RENAME, RENAME2.

#include <sys/sysmacros.h>

#include "fuse_test.h"

namespace overpass::unit {
namespace {

class NamespaceOps : public FuseTest {
 protected:
  Answer mkdir(uint64_t parent, std::string_view name, uint32_t mode = 0755, uint32_t umask = 0) {
    return fuse.call(FUSE_MKDIR, parent, bytes_of(fuse_mkdir_in{mode, umask}) + name_of(name));
  }
  Answer mknod(std::string_view name, uint32_t mode, uint32_t device = 0) {
    const fuse_mknod_in in = {.mode = mode, .rdev = device};
    return fuse.call(FUSE_MKNOD, kRootId, bytes_of(in) + name_of(name));
  }
  Answer link(uint64_t node, uint64_t parent, std::string_view name) {
    return fuse.call(FUSE_LINK, parent, bytes_of(fuse_link_in{node}) + name_of(name));
  }
  int unlink(std::string_view name) { return fuse.call(FUSE_UNLINK, kRootId, name_of(name)).error; }
  int rmdir(std::string_view name) { return fuse.call(FUSE_RMDIR, kRootId, name_of(name)).error; }
  int rename(std::string_view from, uint64_t to_parent, std::string_view to, uint32_t flags = 0) {
    const fuse_rename2_in in = {.newdir = to_parent, .flags = flags};
    return fuse.call(FUSE_RENAME2, kRootId, bytes_of(in) + name_of(from) + name_of(to)).error;
  }
};

TEST_F(NamespaceOps, LookupFindsNamesOfAllLayers) {
  fuse.disk.write("lower/directory/below", "text");
  fuse.disk.write("upper/directory/above", "longer");
  EXPECT_EQ(look_up(node_of("directory"), "below").attr.size, 4U);
  EXPECT_EQ(look_up(node_of("directory"), "above").attr.size, 6U);
  EXPECT_EQ(look_up(node_of("directory"), "..").nodeid, kRootId);
}

TEST_F(NamespaceOps, LookupOfAnAbsentNameIsAnAnswerToKeep) {
  fuse.disk.write("lower/hidden", "text");
  fuse.disk.whiteout("upper/hidden");
  for (const char* name : {"absent", "hidden"}) {
    const fuse_entry_out entry = look_up(kRootId, name);
    EXPECT_EQ(entry.nodeid, 0U);
    EXPECT_GT(entry.entry_valid, 1'000'000U);
  }
}

TEST_F(NamespaceOps, MkdirMakesADirectoryOfTheUpper) {
  fuse.disk.directory("lower/directory");
  const auto made = mkdir(node_of("directory"), "new", 0777, 027).as<fuse_entry_out>();
  EXPECT_EQ(made.attr.mode, S_IFDIR | 0750U);
  EXPECT_EQ(made.attr.ino, fuse.disk.stat("upper/directory/new").st_ino);
  EXPECT_EQ(fuse.disk.stat("upper/directory/new").st_mode, S_IFDIR | 0750U);
  EXPECT_FALSE(fuse.disk.exists("lower/directory/new"));
  EXPECT_EQ(mkdir(kRootId, "directory").error, EEXIST);
  EXPECT_EQ(mkdir(made.nodeid, "deeper").error, 0);
}

TEST_F(NamespaceOps, MknodMakesTheNodeThatWasAskedFor) {
  const auto fifo = mknod("fifo", S_IFIFO | 0600).as<fuse_entry_out>();
  EXPECT_EQ(fifo.attr.mode, S_IFIFO | 0600U);
  EXPECT_EQ(fuse.disk.stat("upper/fifo").st_mode, S_IFIFO | 0600U);
  EXPECT_EQ(mknod("file", S_IFREG | 0640).as<fuse_entry_out>().attr.size, 0U);
  EXPECT_EQ(fuse.disk.read("upper/file"), "");
  EXPECT_EQ(mknod("fifo", S_IFIFO | 0600).error, EEXIST);
  // That would be a whiteout.
  EXPECT_EQ(mknod("whiteout", S_IFCHR | 0600).error, EPERM);
  EXPECT_EQ(try_open(fifo.nodeid, O_RDONLY).error, ENXIO);
}

TEST_F(NamespaceOps, SymlinkTakesAnyTarget) {
  const auto made = fuse.call(FUSE_SYMLINK, kRootId, name_of("link") + name_of("../to /nowhere"));
  EXPECT_EQ(made.as<fuse_entry_out>().attr.mode & S_IFMT, uint32_t{S_IFLNK});
  EXPECT_EQ(std::filesystem::read_symlink(fuse.disk.path("upper/link")), "../to /nowhere");
  EXPECT_EQ(fuse.call(FUSE_SYMLINK, kRootId, name_of("link") + name_of("other")).error, EEXIST);
  const std::string too_long(4096, 't');
  EXPECT_EQ(fuse.call(FUSE_SYMLINK, kRootId, name_of("long") + name_of(too_long)).error,
            ENAMETOOLONG);
}

TEST_F(NamespaceOps, LinkGivesALowerFileASecondName) {
  fuse.disk.write("lower/file", "text");
  fuse.disk.directory("lower/directory");
  const uint64_t node = node_of("file");
  const auto made = link(node, node_of("directory"), "second").as<fuse_entry_out>();
  EXPECT_EQ(made.nodeid, node);
  EXPECT_EQ(made.attr.nlink, 2U);
  EXPECT_EQ(fuse.disk.stat("upper/directory/second").st_ino, fuse.disk.stat("upper/file").st_ino);
  EXPECT_EQ(fuse.disk.stat("lower/file").st_nlink, 1U);
  EXPECT_EQ(link(node, kRootId, "directory").error, EEXIST);
  EXPECT_EQ(link(node_of("directory"), kRootId, "third").error, EPERM);
}

TEST_F(NamespaceOps, UnlinkHidesALowerFileAndRemovesAnUpperOne) {
  fuse.disk.write("lower/below", "text");
  fuse.disk.write("upper/above", "text");
  fuse.disk.directory("lower/directory");
  EXPECT_EQ(unlink("below"), 0);
  EXPECT_EQ(unlink("above"), 0);
  EXPECT_TRUE(fuse.disk.is_whiteout("upper/below"));
  EXPECT_FALSE(fuse.disk.exists("upper/above"));
  EXPECT_EQ(fuse.disk.read("lower/below"), "text");
  EXPECT_EQ(look_up(kRootId, "below").nodeid, 0U);
  EXPECT_EQ(unlink("below"), ENOENT);
  EXPECT_EQ(unlink("directory"), EISDIR);
}

TEST_F(NamespaceOps, RmdirTakesEmptyDirectoriesOnly) {
  fuse.disk.write("lower/full/file", "text");
  fuse.disk.directory("lower/empty");
  fuse.disk.write("lower/file", "text");
  EXPECT_EQ(rmdir("full"), ENOTEMPTY);
  EXPECT_EQ(rmdir("empty"), 0);
  EXPECT_TRUE(fuse.disk.is_whiteout("upper/empty"));
  EXPECT_EQ(rmdir("file"), ENOTDIR);
  EXPECT_EQ(rmdir("absent"), ENOENT);
}

TEST_F(NamespaceOps, RenameMovesALowerFile) {
  fuse.disk.write("lower/file", "text");
  fuse.disk.directory("lower/directory");
  const uint64_t node = node_of("file"), directory = node_of("directory");
  EXPECT_EQ(rename("file", directory, "moved"), 0);
  EXPECT_EQ(fuse.disk.read("upper/directory/moved"), "text");
  EXPECT_TRUE(fuse.disk.is_whiteout("upper/file"));
  EXPECT_EQ(look_up(directory, "moved").nodeid, node);
  EXPECT_EQ(fuse.disk.read("lower/file"), "text");
}

TEST_F(NamespaceOps, RenameHeedsItsFlags) {
  fuse.disk.write("lower/one", "1");
  fuse.disk.write("upper/two", "2");
  EXPECT_EQ(rename("one", kRootId, "two", RENAME_NOREPLACE), EEXIST);
  EXPECT_EQ(rename("one", kRootId, "two", RENAME_EXCHANGE), 0);
  EXPECT_EQ(fuse.disk.read("upper/one"), "2");
  EXPECT_EQ(fuse.disk.read("upper/two"), "1");
  EXPECT_EQ(rename("one", kRootId, "three", RENAME_WHITEOUT), EINVAL);
  EXPECT_EQ(rename("one", kRootId, "three", 1U << 30), EINVAL);
  EXPECT_EQ(rename("absent", kRootId, "three"), ENOENT);
  const fuse_rename_in plain = {.newdir = kRootId};
  const std::string names = name_of("one") + name_of("two");
  EXPECT_EQ(fuse.call(FUSE_RENAME, kRootId, bytes_of(plain) + names).error, 0);
  EXPECT_EQ(fuse.disk.read("upper/two"), "2");
}

TEST_F(NamespaceOps, RenameOfALowerDirectoryWithoutRedirectsIsLeftToTheCaller) {
  fuse.options.format.redirect_dir = layer::RedirectDir::Off;
  fuse.disk.write("lower/directory/file", "text");
  EXPECT_EQ(rename("directory", kRootId, "moved"), EXDEV);
  EXPECT_EQ(look_up(kRootId, "moved").nodeid, 0U);
}

}  // namespace
}  // namespace overpass::unit
