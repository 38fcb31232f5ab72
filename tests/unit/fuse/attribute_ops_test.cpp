// SPDX-License-Identifier: MIT
//
// GETATTR, STATX, SETATTR, READLINK, STATFS.

#include <sys/statvfs.h>

#include "fuse_test.h"

namespace overpass::unit {
namespace {

class AttributeOps : public FuseTest {
 protected:
  Answer setattr(uint64_t node, const fuse_setattr_in& change) {
    return fuse.call(FUSE_SETATTR, node, bytes_of(change));
  }
};

void expect_same(const fuse_attr& shown, const struct stat& disk) {
  EXPECT_EQ(shown.ino, disk.st_ino);
  EXPECT_EQ(shown.size, static_cast<uint64_t>(disk.st_size));
  EXPECT_EQ(shown.blocks, static_cast<uint64_t>(disk.st_blocks));
  EXPECT_EQ(shown.mode, disk.st_mode);
  EXPECT_EQ(shown.uid, disk.st_uid);
  EXPECT_EQ(shown.gid, disk.st_gid);
  EXPECT_EQ(shown.mtime, static_cast<uint64_t>(disk.st_mtim.tv_sec));
  EXPECT_EQ(shown.mtimensec, static_cast<uint32_t>(disk.st_mtim.tv_nsec));
  EXPECT_EQ(shown.ctime, static_cast<uint64_t>(disk.st_ctim.tv_sec));
}

TEST_F(AttributeOps, GetattrShowsTheDisksAttributes) {
  fuse.disk.write("lower/file", "text", 0640);
  fuse.disk.write("upper/new", "longer text", 0604);
  expect_same(attributes(node_of("file")), fuse.disk.stat("lower/file"));
  expect_same(attributes(node_of("new")), fuse.disk.stat("upper/new"));
  EXPECT_EQ(attributes(kRootId).mode, fuse.disk.stat("upper").st_mode);
}

TEST_F(AttributeOps, GetattrLetsTheKernelKeepAttributesThatOnlyItChanges) {
  fuse.disk.write("lower/file", "text");
  const auto out = fuse.call(FUSE_GETATTR, node_of("file"), bytes_of(fuse_getattr_in{}));
  EXPECT_GT(out.as<fuse_attr_out>().attr_valid, 1'000'000U);
  fuse.end();
  FakeFuse impatient;
  impatient.options.timeout = 1.5;
  const auto brief = impatient.call(FUSE_GETATTR, kRootId, bytes_of(fuse_getattr_in{}));
  EXPECT_EQ(brief.as<fuse_attr_out>().attr_valid, 1U);
  EXPECT_EQ(brief.as<fuse_attr_out>().attr_valid_nsec, 500'000'000U);
  EXPECT_EQ(impatient.end(), "");
}

TEST_F(AttributeOps, StatxShowsTheSame) {
  fuse.disk.write("lower/file", "text", 0640);
  const uint64_t node = node_of("file");
  const auto shown = fuse.call(kStatx, node, bytes_of(StatxIn{.sx_mask = 0x7ff})).as<StatxOut>();
  const struct stat disk = fuse.disk.stat("lower/file");
  EXPECT_EQ(shown.ino, disk.st_ino);
  EXPECT_EQ(shown.size, 4U);
  EXPECT_EQ(shown.mode, disk.st_mode);
  EXPECT_EQ(shown.nlink, 1U);
  EXPECT_EQ(shown.uid, disk.st_uid);
}

TEST_F(AttributeOps, SetattrOfAModeCopiesUp) {
  fuse.disk.write("lower/file", "text", 0644);
  const struct stat before = fuse.disk.stat("lower/file");
  const auto out = setattr(node_of("file"), {.valid = FATTR_MODE, .mode = S_IFREG | 0600});
  EXPECT_EQ(out.as<fuse_attr_out>().attr.mode, S_IFREG | 0600U);
  EXPECT_EQ(out.as<fuse_attr_out>().attr.ino, before.st_ino);
  EXPECT_EQ(fuse.disk.stat("upper/file").st_mode, S_IFREG | 0600U);
  EXPECT_EQ(fuse.disk.read("upper/file"), "text");
  EXPECT_EQ(fuse.disk.stat("lower/file").st_mode, before.st_mode);
}

TEST_F(AttributeOps, SetattrOfASizeCutsAndExtendsTheCopy) {
  fuse.disk.write("lower/file", "some text");
  const uint64_t node = node_of("file");
  EXPECT_EQ(setattr(node, {.valid = FATTR_SIZE, .size = 4}).as<fuse_attr_out>().attr.size, 4U);
  EXPECT_EQ(fuse.disk.read("upper/file"), "some");
  const uint64_t handle = open(node, O_RDWR);
  const fuse_setattr_in longer = {.valid = FATTR_SIZE | FATTR_FH, .fh = handle, .size = 6};
  EXPECT_EQ(setattr(node, longer).as<fuse_attr_out>().attr.size, 6U);
  EXPECT_EQ(fuse.disk.read("upper/file"), std::string("some\0\0", 6));
  EXPECT_EQ(fuse.disk.read("lower/file"), "some text");
}

TEST_F(AttributeOps, SetattrOfTimesSetsThemToTheNanosecond) {
  fuse.disk.write("upper/file", "text");
  const uint64_t node = node_of("file");
  const fuse_setattr_in times = {.valid = FATTR_MTIME | FATTR_ATIME,
                                 .atime = 1'000'000'001,
                                 .mtime = 1'000'000'002,
                                 .atimensec = 3,
                                 .mtimensec = 4};
  EXPECT_EQ(setattr(node, times).error, 0);
  const struct stat set = fuse.disk.stat("upper/file");
  EXPECT_EQ(set.st_atim.tv_sec, 1'000'000'001);
  EXPECT_EQ(set.st_atim.tv_nsec, 3);
  EXPECT_EQ(set.st_mtim.tv_sec, 1'000'000'002);
  EXPECT_EQ(set.st_mtim.tv_nsec, 4);
  const auto now = setattr(node, {.valid = FATTR_MTIME | FATTR_MTIME_NOW});
  EXPECT_GT(now.as<fuse_attr_out>().attr.mtime, 1'700'000'000U);
  EXPECT_EQ(fuse.disk.stat("upper/file").st_atim.tv_sec, 1'000'000'001);
}

TEST_F(AttributeOps, SetattrIsRefusedWhereThePlainCallIs) {
  fuse.disk.directory("lower/directory");
  fuse.disk.write("lower/file", "text");
  EXPECT_EQ(setattr(node_of("directory"), {.valid = FATTR_SIZE, .size = 4}).error, EISDIR);
  const fuse_setattr_in endless = {.valid = FATTR_SIZE, .size = ~uint64_t{0}};
  EXPECT_EQ(setattr(node_of("file"), endless).error, EINVAL);
  fuse.end();
  FakeFuse reader;
  reader.options.upper.reset();
  reader.options.work.reset();
  const fuse_setattr_in chmod = {.valid = FATTR_MODE, .mode = 0600};
  EXPECT_EQ(reader.call(FUSE_SETATTR, kRootId, bytes_of(chmod)).error, EROFS);
  EXPECT_EQ(reader.end(), "");
}

TEST_F(AttributeOps, ReadlinkAnswersTheTarget) {
  const std::string target(4000, 't');
  checked(::symlink(target.c_str(), (fuse.disk.directory("lower") + "/link").c_str()), "symlink");
  EXPECT_EQ(fuse.call(FUSE_READLINK, node_of("link")).payload, target);
}

TEST_F(AttributeOps, StatfsIsThatOfTheUpper) {
  const auto shown = fuse.call(FUSE_STATFS, kRootId).as<fuse_statfs_out>().st;
  struct statvfs disk;
  checked(::statvfs(fuse.disk.path("upper").c_str(), &disk), "statvfs");
  EXPECT_EQ(shown.blocks, disk.f_blocks);
  EXPECT_EQ(shown.bsize, disk.f_bsize);
  EXPECT_EQ(shown.frsize, disk.f_frsize);
  EXPECT_EQ(shown.files, disk.f_files);
  EXPECT_EQ(shown.namelen, disk.f_namemax);
}

}  // namespace
}  // namespace overpass::unit
