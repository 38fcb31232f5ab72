// SPDX-License-Identifier: MIT
//
// Copy-up of each kind of object: what of it is copied, what the copy leaves as it was, and what
// remains when it fails. Several at once are copy_up_threads_test.cpp's subject.

#include "overlay/copy_up/copy_up.h"

#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include <csignal>

#include "../union.h"
#include "base/scope_exit.h"
#include "overlay/change/file_flags.h"
#include "overlay/change/xattr.h"
#include "overlay/find/attributes.h"
#include "sys/credentials.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::Handle;
using unit::must;
using unit::Union;
using Names = std::vector<std::string>;

constexpr char kOrigin[] = "trusted.overlay.origin";
constexpr timespec kLongAgo[2] = {{1'000'000'000, 123'456'789}, {1'100'000'000, 987'654'321}};

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/// Copies `name` up without a change of it.
int copy(Union& u, const std::string& name) {
  return error_of(copy_up(u.overlay(), unit::kRoot, u.at(name)));
}

TEST(CopyUp, KeepsContentAndAttributes) {
  Union u;
  u.disk.write("lower1/file", std::string(100'000, 'x'), 0640);
  ASSERT_EQ(::chown(u.disk.path("lower1/file").c_str(), 1000, 2000), 0);
  u.disk.set_xattr("lower1/file", "user.color", "green");
  ASSERT_EQ(::utimensat(AT_FDCWD, u.disk.path("lower1/file").c_str(), kLongAgo, 0), 0);
  ASSERT_EQ(copy(u, "file"), 0);
  const struct stat made = u.disk.stat("upper/file");
  EXPECT_EQ(u.disk.read("upper/file"), std::string(100'000, 'x'));
  EXPECT_EQ(made.st_mode, static_cast<mode_t>(S_IFREG | 0640));
  EXPECT_EQ(made.st_uid, 1000U);
  EXPECT_EQ(made.st_gid, 2000U);
  EXPECT_TRUE(same_time(made.st_mtim, kLongAgo[1]));
  EXPECT_TRUE(same_time(made.st_atim, kLongAgo[0]));
  EXPECT_EQ(u.disk.xattr("upper/file", "user.color"), "green");
}

TEST(CopyUp, KeepsSetIdBitsAndCapabilities) {
  Union u;
  u.disk.write("lower1/file", "text");
  ASSERT_EQ(::chown(u.disk.path("lower1/file").c_str(), 1000, 2000), 0);
  {
    const sys::KeepingSetgid keeping(true);
    ASSERT_EQ(::chmod(u.disk.path("lower1/file").c_str(), 06755), 0);
  }
  // VFS_CAP_REVISION_2 with one permitted capability.
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  u.disk.set_xattr("lower1/file", "security.capability", capability);
  ASSERT_EQ(copy(u, "file"), 0);
  EXPECT_EQ(u.disk.stat("upper/file").st_mode & 07777, 06755U);
  EXPECT_EQ(u.disk.xattr("upper/file", "security.capability"), capability);
}

TEST(CopyUp, KeepsHolesOfSparseFiles) {
  Union u;
  const UniqueFd file = u.disk.open("lower1/file", O_RDWR | O_CREAT);
  constexpr off_t kSize = 64 << 20, kData = 32 << 20;
  ASSERT_EQ(::ftruncate(raw(file), kSize), 0);
  ASSERT_EQ(::pwrite(raw(file), "middle", 6, kData), 6);
  ASSERT_EQ(copy(u, "file"), 0);
  const struct stat made = u.disk.stat("upper/file");
  EXPECT_EQ(made.st_size, kSize);
  EXPECT_LT(made.st_blocks * 512, 1 << 20);
  char text[6];
  ASSERT_EQ(::pread(raw(u.disk.open("upper/file")), text, 6, kData), 6);
  EXPECT_EQ(std::string_view(text, 6), "middle");
}

TEST(CopyUp, TakesEveryKindOfObject) {
  Union u;
  ASSERT_EQ(::symlink("some/target", u.disk.path("lower1/link").c_str()), 0);
  ASSERT_EQ(::mkfifo(u.disk.path("lower1/fifo").c_str(), 0600), 0);
  ASSERT_EQ(::mknod(u.disk.path("lower1/device").c_str(), S_IFCHR | 0600, makedev(1, 3)), 0);
  ASSERT_EQ(::mknod(u.disk.path("lower1/socket").c_str(), S_IFSOCK | 0600, 0), 0);
  u.disk.directory("lower1/directory", 01777);
  for (const char* name : {"link", "fifo", "device", "socket", "directory"}) {
    const std::string in_lower = std::string("lower1/") + name;
    const std::string in_upper = std::string("upper/") + name;
    ASSERT_EQ(::utimensat(AT_FDCWD, u.disk.path(in_lower).c_str(), kLongAgo, AT_SYMLINK_NOFOLLOW),
              0);
    ASSERT_EQ(copy(u, name), 0) << name;
    const struct stat from = u.disk.stat(in_lower), to = u.disk.stat(in_upper);
    EXPECT_EQ(to.st_mode, from.st_mode) << name;
    EXPECT_EQ(to.st_rdev, from.st_rdev) << name;
    EXPECT_TRUE(same_time(to.st_mtim, from.st_mtim)) << name;
  }
  EXPECT_EQ(std::filesystem::read_symlink(u.disk.path("upper/link")), "some/target");
}

TEST(CopyUp, CopiesNoMarksOfTheFormat) {
  Union u({.lowers = 2});
  u.disk.write("lower1/d/file", "");
  u.disk.set_xattr("lower1/d", "trusted.overlay.opaque", "y");
  u.disk.set_xattr("lower1/d", "user.mine", "kept");
  u.disk.set_xattr("lower1/d", "user.fuseoverlayfs.origin", "foreign");
  ASSERT_EQ(copy(u, "d/file"), 0);
  EXPECT_EQ(u.disk.xattr("upper/d", "trusted.overlay.opaque"), "-");
  EXPECT_EQ(u.disk.xattr("upper/d", "user.fuseoverlayfs.origin"), "-");
  EXPECT_EQ(u.disk.xattr("upper/d", "user.mine"), "kept");
}

TEST(CopyUp, RecordsWhereItCameFrom) {
  Union u;
  u.disk.write("lower1/d/file", "");
  ASSERT_EQ(copy(u, "d/file"), 0);
  EXPECT_NE(u.disk.xattr("upper/d/file", kOrigin), "-");
  EXPECT_NE(u.disk.xattr("upper/d", kOrigin), "-");
  EXPECT_EQ(u.disk.xattr("upper/d", "trusted.overlay.impure"), "y");
}

TEST(CopyUp, LeavesTheTimesOfDirectoriesAsTheyWere) {
  Union u;
  u.disk.write("lower1/a/b/file", "");
  u.disk.directory("upper/a");
  for (const char* name : {"lower1/a/b", "upper/a"}) {
    ASSERT_EQ(::utimensat(AT_FDCWD, u.disk.path(name).c_str(), kLongAgo, 0), 0);
  }
  ASSERT_EQ(copy(u, "a/b/file"), 0);
  EXPECT_TRUE(same_time(u.disk.stat("upper/a").st_mtim, kLongAgo[1]));
  EXPECT_TRUE(same_time(u.disk.stat("upper/a/b").st_mtim, kLongAgo[1]));
}

TEST(CopyUp, KeepsTheNumberAndTheNode) {
  Union u;
  u.disk.write("lower1/file", "text");
  const InodeRef inode = u.at("file");
  const uint64_t number = u.stat("file").stx_ino;
  ASSERT_EQ(copy(u, "file"), 0);
  EXPECT_EQ(u.at("file").get(), inode.get());
  EXPECT_EQ(u.stat("file").stx_ino, number);
}

TEST(CopyUp, MakesOneOfSeveralLinksAFileOfItsOwn) {
  Union u;
  u.disk.write("lower1/a", "text");
  ASSERT_EQ(::link(u.disk.path("lower1/a").c_str(), u.disk.path("lower1/b").c_str()), 0);
  EXPECT_EQ(u.stat("a").stx_ino, u.stat("b").stx_ino);
  u.open("a", O_RDWR).write("TEXT");
  EXPECT_EQ(u.read("b"), "text");
  EXPECT_NE(u.stat("a").stx_ino, u.stat("b").stx_ino);
  const uint64_t number = u.stat("a").stx_ino;
  u.remount();
  EXPECT_EQ(u.stat("a").stx_ino, number);
}

TEST(CopyUp, CopiesNoDataForATruncatingOpen) {
  Union u;
  u.disk.write("lower1/file", std::string(1 << 20, 'x'));
  ASSERT_EQ(error_of(copy_up(u.overlay(), unit::kRoot, u.at("file"), 0)), 0);
  EXPECT_EQ(u.disk.stat("upper/file").st_size, 0);
}

TEST(CopyUp, IsDoneOnce) {
  Union u;
  u.disk.write("lower1/file", "text");
  ASSERT_EQ(copy(u, "file"), 0);
  const ino_t ino = u.disk.stat("upper/file").st_ino;
  u.open("file", O_RDWR).write("TEXT");
  ASSERT_EQ(copy(u, "file"), 0);
  EXPECT_EQ(u.disk.stat("upper/file").st_ino, ino);
  EXPECT_EQ(u.disk.read("upper/file"), "TEXT");
}

TEST(CopyUp, LeavesTheLowerAsItWas) {
  Union u;
  u.disk.write("lower1/d/file", "text");
  const struct stat before = u.disk.stat("lower1/d/file");
  u.open("d/file", O_RDWR).write("TEXT");
  ASSERT_EQ(u.chmod("d/file", 0600), 0);
  ASSERT_EQ(u.truncate("d/file", 1), 0);
  const struct stat after = u.disk.stat("lower1/d/file");
  EXPECT_EQ(u.disk.read("lower1/d/file"), "text");
  EXPECT_EQ(after.st_mode, before.st_mode);
  EXPECT_TRUE(same_time(after.st_mtim, before.st_mtim));
  EXPECT_TRUE(same_time(after.st_ctim, before.st_ctim));
}

TEST(CopyUp, LeavesNoTemporaries) {
  Union u;
  u.disk.write("lower1/d/file", "text");
  ASSERT_EQ(::symlink("x", u.disk.path("lower1/d/link").c_str()), 0);
  for (const char* name : {"d/file", "d/link", "d"}) ASSERT_EQ(copy(u, name), 0);
  EXPECT_EQ(u.disk.names("work/work"), Names{"whiteout"});
}

TEST(CopyUp, IsEroFsWithoutAnUpper) {
  Union u({.upper = false});
  u.disk.write("lower1/d/file", "text");
  EXPECT_EQ(copy(u, "d/file"), EROFS);
  EXPECT_EQ(copy(u, "d"), EROFS);
}

/// chattr(1) on a file; undone at the end, since the file could not be removed otherwise.
class Protected {
 public:
  Protected(const unit::Scratch& disk, const std::string& name, int flag)
      : fd_(disk.open(name)), is_set_(set(flag)) {}
  ~Protected() { (void)set(0); }
  /// Some file systems know no such flags.
  bool is_set() const { return is_set_; }

 private:
  bool set(int flag) const { return ::ioctl(raw(fd_), FS_IOC_SETFLAGS, &flag) == 0; }

  UniqueFd fd_;
  bool is_set_;
};

TEST(CopyUp, RespectsImmutableFiles) {
  Union u;
  u.disk.write("lower1/file", "text");
  const Protected protection(u.disk, "lower1/file", FS_IMMUTABLE_FL);
  const int expected = protection.is_set() ? EPERM : 0;
  EXPECT_EQ(error_of(u.try_open("file", O_RDWR)), expected);
  EXPECT_EQ(error_of(u.try_open("file", O_WRONLY | O_APPEND)), expected);
  EXPECT_EQ(u.chmod("file", 0600), expected);
  EXPECT_EQ(u.remove("file"), expected);
}

TEST(CopyUp, LetsAppendOnlyFilesBeAppendedTo) {
  Union u;
  u.disk.write("lower1/file", "text");
  const Protected protection(u.disk, "lower1/file", FS_APPEND_FL);
  if (protection.is_set()) {
    EXPECT_EQ(error_of(u.try_open("file", O_RDWR)), EPERM);
    EXPECT_EQ(u.truncate("file", 0), EPERM);
  }
  u.open("file", O_WRONLY | O_APPEND).write(" and more");
  EXPECT_EQ(u.read("file"), "text and more");
}

/// Files may grow to a mebibyte only while this lives.
class SmallFiles {
 public:
  SmallFiles() : before_(std::signal(SIGXFSZ, SIG_IGN)) { set(1 << 20); }
  ~SmallFiles() {
    set(RLIM_INFINITY);
    std::signal(SIGXFSZ, before_);
  }

 private:
  static void set(rlim_t size) {
    const struct rlimit limit = {size, RLIM_INFINITY};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }

  void (*before_)(int);
};

class FailedCopyUp : public testing::Test {
 protected:
  FailedCopyUp() { u_.disk.write("lower1/d/file", std::string(4 << 20, 'x')); }

  void expect_nothing_left() {
    EXPECT_FALSE(u_.disk.exists("upper/d/file"));
    EXPECT_EQ(u_.disk.names("work/work"), Names{"whiteout"});
    EXPECT_EQ(u_.read("d/file").size(), size_t{4} << 20);
  }

  Union u_;
};

TEST_F(FailedCopyUp, SaysWhyAndLeavesNothing) {
  {
    const SmallFiles limit;
    EXPECT_EQ(error_of(u_.try_open("d/file", O_RDWR)), EFBIG);
    EXPECT_EQ(u_.chmod("d/file", 0600), EFBIG);
    EXPECT_EQ(u_.rename("d/file", "d/other"), EFBIG);
    EXPECT_EQ(u_.link("d/file", "d/other"), EFBIG);
  }
  expect_nothing_left();
}

TEST_F(FailedCopyUp, CanBeTriedAgain) {
  {
    const SmallFiles limit;
    EXPECT_EQ(u_.chmod("d/file", 0600), EFBIG);
  }
  EXPECT_EQ(u_.chmod("d/file", 0600), 0);
  EXPECT_EQ(u_.disk.stat("upper/d/file").st_size, 4 << 20);
}

TEST_F(FailedCopyUp, LeavesReadersAlone) {
  Handle reader = u_.open("d/file", O_RDONLY);
  {
    const SmallFiles limit;
    EXPECT_EQ(error_of(u_.try_open("d/file", O_RDWR)), EFBIG);
  }
  EXPECT_EQ(reader.read().size(), size_t{4} << 20);
  EXPECT_TRUE(u_.open("d/file", O_RDONLY).is_passed_through());
}

TEST_F(FailedCopyUp, DoesNotBlockChangesThatNeedNoData) {
  const SmallFiles limit;
  EXPECT_EQ(u_.truncate("d/file", 1000), 0);
  EXPECT_EQ(u_.stat("d/file").stx_size, 1000U);
  u_.disk.write("lower1/other", std::string(1 << 20, 'x'));
  u_.open("other", O_WRONLY | O_TRUNC).write("short");
  EXPECT_EQ(u_.read("other"), "short");
}

}  // namespace
}  // namespace overpass::overlay
