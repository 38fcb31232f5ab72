// SPDX-License-Identifier: MIT
//
// READ, WRITE, FSYNC, FALLOCATE, LSEEK, COPY_FILE_RANGE, IOCTL, SETLK and SETLKW of flock(2).

#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cstdio>

#include "fuse_test.h"

namespace overpass::unit {
namespace {

class FileOps : public FuseTest {
 protected:
  void SetUp() override { fuse.disk.write("lower/file", "some text"); }

  /// Opens it for both.
  void open_file() {
    node = node_of("file");
    handle = open(node, O_RDWR);
  }
  int fallocate(uint32_t mode, uint64_t offset, uint64_t length) {
    const fuse_fallocate_in in = {handle, offset, length, mode, 0};
    return fuse.call(FUSE_FALLOCATE, node, bytes_of(in)).error;
  }
  Answer seek(uint64_t offset, int whence) {
    const fuse_lseek_in in = {handle, offset, static_cast<uint32_t>(whence), 0};
    return fuse.call(FUSE_LSEEK, node, bytes_of(in));
  }
  std::string lock(uint64_t owner, short type) {
    fuse_lk_in in = {};
    in.fh = handle;
    in.owner = owner;
    in.lk.type = static_cast<uint32_t>(type);
    in.lk_flags = FUSE_LK_FLOCK;
    return bytes_of(in);
  }

  uint64_t node = 0;
  uint64_t handle = 0;
};

TEST_F(FileOps, ReadAnswersBytesUpToTheEnd) {
  open_file();
  EXPECT_EQ(read(node, handle).payload, "some text");
  EXPECT_EQ(read(node, handle, 5, 2).payload, "te");
  EXPECT_EQ(read(node, handle, 9).payload, "");
  EXPECT_EQ(read(node, handle, 1U << 30).payload, "");
  EXPECT_EQ(read(node, handle, 0, 0).payload, "");
  EXPECT_EQ(read(node, handle, ~uint64_t{0}).error, EINVAL);
}

TEST_F(FileOps, WriteLandsInTheUpperWhereItSays) {
  open_file();
  EXPECT_EQ(write(node, handle, "SOME").as<fuse_write_out>().size, 4U);
  EXPECT_EQ(write(node, handle, "end", 12).as<fuse_write_out>().size, 3U);
  EXPECT_EQ(fuse.disk.read("upper/file"), std::string("SOME text\0\0\0end", 15));
  EXPECT_EQ(fuse.disk.read("lower/file"), "some text");
  const std::string large(100'000, 'x');
  EXPECT_EQ(write(node, handle, large, 100).as<fuse_write_out>().size, large.size());
  EXPECT_EQ(read(node, handle, 100, 100'000).payload, large);
  EXPECT_EQ(write(node, handle, "text", ~uint64_t{0}).error, EINVAL);
}

TEST_F(FileOps, WriteThroughAHandleForReadingIsRefused) {
  node = node_of("file");
  handle = open(node, O_RDONLY);
  EXPECT_EQ(write(node, handle, "text").error, EBADF);
  EXPECT_EQ(fuse.disk.read("lower/file"), "some text");
}

TEST_F(FileOps, FsyncAnswersWhenTheFileIsOnDisk) {
  open_file();
  EXPECT_EQ(fuse.call(FUSE_FSYNC, node, bytes_of(fuse_fsync_in{handle, 0, 0})).error, 0);
  const fuse_fsync_in data_only = {handle, FUSE_FSYNC_FDATASYNC, 0};
  EXPECT_EQ(fuse.call(FUSE_FSYNC, node, bytes_of(data_only)).error, 0);
}

TEST_F(FileOps, FallocateExtendsAndPunches) {
  open_file();
  EXPECT_EQ(fallocate(0, 0, 4096), 0);
  EXPECT_EQ(fuse.disk.stat("upper/file").st_size, 4096);
  EXPECT_EQ(fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4), 0);
  EXPECT_EQ(fuse.disk.read("upper/file").substr(0, 9), std::string("\0\0\0\0 text", 9));
  EXPECT_EQ(fallocate(0, 0, 0), EINVAL);
  EXPECT_EQ(fallocate(0, ~uint64_t{0}, 1), EINVAL);
}

TEST_F(FileOps, LseekFindsDataAndHoles) {
  open_file();
  EXPECT_EQ(seek(0, SEEK_DATA).as<fuse_lseek_out>().offset, 0U);
  EXPECT_EQ(seek(0, SEEK_HOLE).as<fuse_lseek_out>().offset, 9U);
  EXPECT_EQ(seek(9, SEEK_DATA).error, ENXIO);
  EXPECT_EQ(seek(~uint64_t{0}, SEEK_DATA).error, ENXIO);
}

TEST_F(FileOps, CopyFileRangeCopiesBetweenHandles) {
  open_file();
  fuse.disk.write("lower/source", "0123456789");
  const uint64_t source = node_of("source");
  fuse_copy_file_range_in copy = {.fh_in = open(source, O_RDONLY),
                                  .off_in = 2,
                                  .nodeid_out = node,
                                  .fh_out = handle,
                                  .off_out = 5,
                                  .len = 4};
  const Answer done = fuse.call(FUSE_COPY_FILE_RANGE, source, bytes_of(copy));
  EXPECT_EQ(done.as<fuse_write_out>().size, 4U);
  EXPECT_EQ(fuse.disk.read("upper/file"), "some 2345");
  copy.off_out = 0;
  const Answer wide = fuse.call(kCopyFileRange64, source, bytes_of(copy));
  EXPECT_EQ(wide.as<uint64_t>(), 4U);  // bytes_copied has 64 bits.
  EXPECT_EQ(fuse.disk.read("upper/file"), "2345 2345");
  copy.fh_out = copy.fh_in;
  EXPECT_EQ(fuse.call(FUSE_COPY_FILE_RANGE, source, bytes_of(copy)).error, EBADF);
}

/// A read-only union, where the kernel opens no file: every request has handle 0.
class UnopenedFileOps : public FileOps {
 protected:
  void SetUp() override {
    FileOps::SetUp();
    fuse.options.upper.reset();
    fuse.options.work.reset();
    node = node_of("file");
  }
};

TEST_F(UnopenedFileOps, ReadAndLseekGoByNode) {
  EXPECT_EQ(read(node, handle).payload, "some text");
  EXPECT_EQ(read(node, handle, 5, 2).payload, "te");
  EXPECT_EQ(seek(0, SEEK_HOLE).as<fuse_lseek_out>().offset, 9U);
  EXPECT_EQ(fuse.call(FUSE_FSYNC, node, bytes_of(fuse_fsync_in{})).error, 0);
}

TEST_F(UnopenedFileOps, ReadOfWhatIsNoFileIsRefused) {
  EXPECT_EQ(read(kRootId, handle).error, EISDIR);
  EXPECT_EQ(read(123456, handle).error, ESTALE);
}

/// As after `mount -o remount,rw`.
TEST_F(UnopenedFileOps, ChangesAreRefused) {
  EXPECT_EQ(write(node, handle, "SOME").error, EROFS);
  EXPECT_EQ(fallocate(0, 0, 4096), EROFS);
  const fuse_copy_file_range_in copy = {.nodeid_out = node, .len = 4};
  EXPECT_EQ(fuse.call(FUSE_COPY_FILE_RANGE, node, bytes_of(copy)).error, EROFS);
  EXPECT_EQ(fuse.disk.read("lower/file"), "some text");
}

TEST_F(UnopenedFileOps, ReadFindsAnotherObjectOutBeforeItsBytes) {
  fuse.disk.write("lower/other", "other text");
  ASSERT_EQ(::rename(fuse.disk.path("lower/other").c_str(), fuse.disk.path("lower/file").c_str()),
            0);
  EXPECT_EQ(read(node, handle).error, ESTALE);
}

TEST_F(UnopenedFileOps, FilesThatAreReadKeepFewDescriptors) {
  constexpr int kFiles = 1000;
  for (int i = 0; i < kFiles; ++i) {
    fuse.disk.write("lower/file" + std::to_string(i), std::to_string(i));
  }
  for (int i = 0; i < kFiles; ++i) {
    const uint64_t file = node_of("file" + std::to_string(i));
    EXPECT_EQ(read(file, handle).payload, std::to_string(i));
  }
  EXPECT_LT(count_of("open_fds"), 400);
}

TEST_F(FileOps, IoctlsAreThoseOfFlags) {
  open_file();
  const fuse_ioctl_in unknown = {.fh = handle, .cmd = 0x5401, .out_size = 4};
  EXPECT_EQ(fuse.call(FUSE_IOCTL, node, bytes_of(unknown)).error, ENOTTY);
  const fuse_ioctl_in compat = {
      .fh = handle, .flags = FUSE_IOCTL_COMPAT, .cmd = FS_IOC_GETFLAGS, .out_size = 4};
  EXPECT_EQ(fuse.call(FUSE_IOCTL, node, bytes_of(compat)).error, ENOTTY);
  const UniqueFd file = fuse.disk.open("upper/file");
  uint32_t flags = 0;
  if (::ioctl(raw(file), FS_IOC_GETFLAGS, &flags) < 0) GTEST_SKIP() << "the disk has no flags";
  const fuse_ioctl_in get = {.fh = handle, .cmd = FS_IOC_GETFLAGS, .out_size = 4};
  const Answer answer = fuse.call(FUSE_IOCTL, node, bytes_of(get));
  EXPECT_EQ(answer.as<fuse_ioctl_out>().result, 0);
  EXPECT_EQ(answer.as<uint32_t>(sizeof(fuse_ioctl_out)), flags);
}

TEST_F(FileOps, FlockIsHeldByOneOwnerAtATime) {
  open_file();
  EXPECT_EQ(fuse.call(FUSE_SETLK, node, lock(1, F_WRLCK)).error, 0);
  EXPECT_EQ(fuse.call(FUSE_SETLK, node, lock(2, F_RDLCK)).error, EAGAIN);
  EXPECT_EQ(fuse.call(FUSE_SETLK, node, lock(1, F_UNLCK)).error, 0);
  EXPECT_EQ(fuse.call(FUSE_SETLK, node, lock(2, F_RDLCK)).error, 0);
  EXPECT_EQ(fuse.call(FUSE_SETLK, node, lock(3, F_RDLCK)).error, 0);
}

TEST_F(FileOps, FlockWaitsWithoutHoldingUpOthers) {
  open_file();
  EXPECT_EQ(fuse.call(FUSE_SETLK, node, lock(1, F_WRLCK)).error, 0);
  const uint64_t waiting = fuse.send(FUSE_SETLKW, node, lock(2, F_WRLCK));
  EXPECT_EQ(read(node, handle).payload, "some text");
  EXPECT_FALSE(fuse.is_answered(waiting));
  EXPECT_EQ(fuse.call(FUSE_SETLK, node, lock(1, F_UNLCK)).error, 0);
  EXPECT_EQ(fuse.wait_for(waiting).error, 0);
}

TEST_F(FileOps, FlockIsGivenUpWithTheHandle) {
  open_file();
  const uint64_t other = open(node, O_RDONLY);
  EXPECT_EQ(fuse.call(FUSE_SETLK, node, lock(1, F_WRLCK)).error, 0);
  const fuse_release_in in = {
      .fh = handle, .release_flags = FUSE_RELEASE_FLOCK_UNLOCK, .lock_owner = 1};
  EXPECT_EQ(fuse.call(FUSE_RELEASE, node, bytes_of(in)).error, 0);
  handle = other;
  EXPECT_EQ(fuse.call(FUSE_SETLK, node, lock(2, F_WRLCK)).error, 0);
}

TEST_F(FileOps, WaitersForALockAreAnsweredAtTheEnd) {
  open_file();
  EXPECT_EQ(fuse.call(FUSE_SETLK, node, lock(1, F_WRLCK)).error, 0);
  (void)fuse.send(FUSE_SETLKW, node, lock(2, F_WRLCK));
  EXPECT_EQ(fuse.end(), "");
}

TEST_F(FileOps, LocksOfFcntlAreTheKernels) {
  open_file();
  fuse_lk_in in = {};
  in.fh = handle;
  in.lk.type = F_WRLCK;
  EXPECT_EQ(fuse.call(FUSE_SETLK, node, bytes_of(in)).error, ENOSYS);
  EXPECT_EQ(fuse.call(FUSE_GETLK, node, bytes_of(in)).error, ENOSYS);
}

TEST_F(FileOps, WritesTellTheKernelOfBlocksWhereItKeepsThem) {
  fuse.options.writeback = config::Switch::On;
  open_file();
  EXPECT_EQ(write(node, handle, "SOME").error, 0);
  const Notification told = fuse.wait_for_notification();
  EXPECT_EQ(told.code, FUSE_NOTIFY_INVAL_INODE);
  const auto inval = value_at<fuse_notify_inval_inode_out>(told.payload);
  EXPECT_EQ(inval.ino, node);
  EXPECT_EQ(inval.off, -1);  // Attributes alone, never pages.
}

}  // namespace
}  // namespace overpass::unit
