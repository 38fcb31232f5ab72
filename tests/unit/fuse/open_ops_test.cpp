// SPDX-License-Identifier: MIT
//
// OPEN, CREATE, TMPFILE, RELEASE.

#include "fuse_test.h"

namespace overpass::unit {
namespace {

/// The payload of a reply to CREATE and TMPFILE.
struct Created {
  fuse_entry_out entry;
  fuse_open_out open;
};

class OpenOps : public FuseTest {
 protected:
  Answer try_create(uint32_t opcode, uint64_t parent, std::string_view name, int flags,
                    uint32_t mode = 0644, uint32_t umask = 0) {
    const fuse_create_in in = {static_cast<uint32_t>(flags), mode, umask, 0};
    return fuse.call(opcode, parent, bytes_of(in) + name_of(name));
  }
  void SetUp() override { fuse.disk.write("lower/file", "text"); }
};

TEST_F(OpenOps, OpenForReadingCopiesNothing) {
  const uint64_t node = node_of("file");
  const auto opened = try_open(node, O_RDONLY).as<fuse_open_out>();
  EXPECT_EQ(read(node, opened.fh).payload, "text");
  EXPECT_NE(opened.open_flags & FOPEN_NOFLUSH, 0U);
  EXPECT_EQ(count_of("open_handles"), 1);
  EXPECT_EQ(release(node, opened.fh).error, 0);
  EXPECT_EQ(count_of("open_handles"), 0);
  EXPECT_FALSE(fuse.disk.exists("upper/file"));
}

TEST_F(OpenOps, OpenForWritingCopiesUp) {
  const uint64_t node = node_of("file");
  const uint64_t handle = open(node, O_RDWR);
  EXPECT_EQ(fuse.disk.read("upper/file"), "text");
  EXPECT_EQ(write(node, handle, "TE").as<fuse_write_out>().size, 2U);
  EXPECT_EQ(fuse.disk.read("upper/file"), "TExt");
  EXPECT_EQ(fuse.disk.read("lower/file"), "text");
}

TEST_F(OpenOps, OpenTruncates) {
  const uint64_t node = node_of("file");
  (void)open(node, O_WRONLY | O_TRUNC);
  EXPECT_EQ(fuse.disk.read("upper/file"), "");
  EXPECT_EQ(fuse.disk.read("lower/file"), "text");
  EXPECT_EQ(attributes(node).size, 0U);
}

TEST_F(OpenOps, OpenOnAReadOnlyUnionIsForReading) {
  fuse.options.upper.reset();
  fuse.options.work.reset();
  fuse.options.opens = config::Opens::Ask;
  const uint64_t node = node_of("file");
  EXPECT_EQ(try_open(node, O_RDWR).error, EROFS);
  EXPECT_EQ(read(node, open(node, O_RDONLY)).payload, "text");
  EXPECT_EQ(try_create(FUSE_CREATE, kRootId, "new", O_RDWR).error, EROFS);
  EXPECT_EQ(try_create(FUSE_TMPFILE, kRootId, "/", O_RDWR).error, EROFS);
}

/// Once for all files: the kernel then opens none any more.
TEST_F(OpenOps, OpenOnAReadOnlyUnionIsNotServedWherePassthroughIsNotThere) {
  fuse.options.upper.reset();
  fuse.options.work.reset();
  EXPECT_EQ(try_open(node_of("file"), O_RDONLY).error, ENOSYS);
}

TEST_F(OpenOps, OpenIsServedForAKernelThatHasToOpen) {
  fuse.options.upper.reset();
  fuse.options.work.reset();
  fuse.init.flags &= ~static_cast<uint32_t>(FUSE_NO_OPEN_SUPPORT);
  const uint64_t node = node_of("file");
  EXPECT_EQ(read(node, open(node, O_RDONLY)).payload, "text");
}

TEST_F(OpenOps, OpenIsServedWhereFilesCanBeWritten) {
  const uint64_t node = node_of("file");
  EXPECT_EQ(read(node, open(node, O_RDONLY)).payload, "text");
}

TEST_F(OpenOps, CreateMakesAndOpensAFile) {
  const auto made = try_create(FUSE_CREATE, kRootId, "new", O_RDWR, 0666, 022).as<Created>();
  EXPECT_EQ(made.entry.attr.mode, S_IFREG | 0644U);
  EXPECT_EQ(write(made.entry.nodeid, made.open.fh, "text").error, 0);
  EXPECT_EQ(fuse.disk.read("upper/new"), "text");
  EXPECT_EQ(fuse.disk.stat("upper/new").st_mode, S_IFREG | 0644U);
  EXPECT_EQ(look_up(kRootId, "new").nodeid, made.entry.nodeid);
  EXPECT_EQ(release(made.entry.nodeid, made.open.fh).error, 0);
}

TEST_F(OpenOps, CreateOfANameOfTheUpperIsRefused) {
  // A name that was not looked up before and is there.
  fuse.disk.write("upper/above", "text");
  EXPECT_EQ(try_create(FUSE_CREATE, kRootId, "above", O_RDWR).error, EEXIST);
  EXPECT_EQ(fuse.disk.read("upper/above"), "text");
  EXPECT_EQ(count_of("open_handles"), 0);
}

TEST_F(OpenOps, TmpfileHasNoNameUntilItIsLinked) {
  const auto made = try_create(FUSE_TMPFILE, kRootId, "/", O_RDWR, 0600).as<Created>();
  EXPECT_EQ(made.entry.attr.nlink, 0U);
  EXPECT_TRUE(fuse.disk.names("upper").empty());
  EXPECT_EQ(write(made.entry.nodeid, made.open.fh, "text").error, 0);
  const std::string link = bytes_of(fuse_link_in{made.entry.nodeid}) + name_of("named");
  EXPECT_EQ(fuse.call(FUSE_LINK, kRootId, link).error, 0);
  EXPECT_EQ(fuse.disk.read("upper/named"), "text");
}

TEST_F(OpenOps, HandlesWhoseReplyDoesNotArriveAreReleased) {
  const uint64_t node = node_of("file");
  const fuse_create_in create = {O_RDWR, 0600, 0, 0};
  fuse.send_and_leave(FUSE_OPEN, node, bytes_of(fuse_open_in{O_RDONLY, 0}));
  fuse.send_and_leave(FUSE_CREATE, kRootId, bytes_of(create) + name_of("new"));
  fuse.send_and_leave(FUSE_TMPFILE, kRootId, bytes_of(create) + name_of("/"));
  EXPECT_EQ(count_of("open_handles"), 0);
  EXPECT_TRUE(fuse.disk.exists("upper/new"));
}

TEST_F(OpenOps, HandlesSurviveEveryChangeOfTheName) {
  const uint64_t node = node_of("file");
  const uint64_t handle = open(node, O_RDWR);
  EXPECT_EQ(fuse.call(FUSE_UNLINK, kRootId, name_of("file")).error, 0);
  EXPECT_EQ(write(node, handle, "TEXT").error, 0);
  EXPECT_EQ(read(node, handle).payload, "TEXT");
  EXPECT_EQ(attributes(node).nlink, 0U);
  EXPECT_EQ(release(node, handle).error, 0);
  EXPECT_EQ(fuse.disk.read("lower/file"), "text");
}

TEST_F(OpenOps, HandlesThatAreOpenAtTheEndAreClosed) {
  const uint64_t node = node_of("file");
  for (int i = 0; i < 20; ++i) (void)open(node, i % 2 == 0 ? O_RDONLY : O_RDWR);
  EXPECT_EQ(fuse.end(), "");
}

}  // namespace
}  // namespace overpass::unit
