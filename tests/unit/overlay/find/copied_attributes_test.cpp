// SPDX-License-Identifier: MIT
//
// When the copy answers, and that it never answers what the disk does not say. Whether the disk was
// asked is seen by a change behind the union's back, which nobody may make: an answer without it is
// the copy's.

#include "overlay/find/copied_attributes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <cstring>
#include <functional>
#include <map>

#include "../union.h"
#include "overlay/change/change_attributes.h"
#include "overlay/change/file_flags.h"
#include "overlay/change/xattr.h"
#include "overlay/find/attributes.h"
#include "overlay/open/file_io.h"
#include "sys/file_io.h"

namespace overpass::overlay {
namespace {

using unit::Handle;
using unit::must;
using unit::Union;
using unit::UnionOptions;

/// tmpfs, where blocks are allocated at once.
constexpr char kMemory[] = "/dev/shm";

UnionOptions served_in_memory() { return {.passthrough = false, .on = kMemory}; }

class CopiedAttributes : public testing::Test {
 protected:
  explicit CopiedAttributes(UnionOptions options = served_in_memory()) : u_(std::move(options)) {}

  /// Makes a file and writes to it. It stays in memory, as while the kernel knows it.
  void write(const std::string& path, std::string_view text) {
    u_.write(path, "");
    kept_[path] = u_.at(path);
    u_.write(path, text);
  }
  /// Such a file, open.
  Handle open_new(const std::string& path, int flags = O_RDWR) {
    u_.write(path, "");
    kept_[path] = u_.at(path);
    return u_.open(path, flags);
  }

  std::string disk_path(const std::string& path) const { return u_.disk.path("upper/" + path); }

  /// The attributes that the union shows.
  sys::Stat shown(const std::string& path) { return must(attributes(u_.overlay(), u_.at(path))); }

  /// Whether they are told without asking the disk, of a file that was made here.
  bool is_settled(const std::string& path) {
    const InodeRef inode = kept_.at(path);
    Lock lock(inode->mutex);
    return settled_attributes(*inode).has_value();
  }

  void expect_as_on_disk(const std::string& path) {
    const sys::Stat there = must(sys::stat({BorrowedFd{AT_FDCWD}, disk_path(path).c_str()}));
    const sys::Stat here = shown(path);
    EXPECT_EQ(here.stx_size, there.stx_size);
    EXPECT_EQ(here.stx_blocks, there.stx_blocks);
    EXPECT_EQ(here.stx_mode, there.stx_mode);
    EXPECT_EQ(here.stx_nlink, there.stx_nlink);
    EXPECT_EQ(here.stx_uid, there.stx_uid);
    EXPECT_EQ(here.stx_gid, there.stx_gid);
    for (const auto time : {&sys::Stat::stx_atime, &sys::Stat::stx_mtime, &sys::Stat::stx_ctime}) {
      EXPECT_EQ((here.*time).tv_sec, (there.*time).tv_sec);
      EXPECT_EQ((here.*time).tv_nsec, (there.*time).tv_nsec);
    }
  }

  Union u_;
  Caller caller_;
  std::map<std::string, InodeRef> kept_;
};

TEST_F(CopiedAttributes, OfAWrittenFileAreToldWithoutAskingTheDisk) {
  Handle file = open_new("f");
  file.write("12345");
  EXPECT_TRUE(is_settled("f"));
  expect_as_on_disk("f");
  ASSERT_EQ(::truncate(disk_path("f").c_str(), 1000), 0);
  EXPECT_EQ(shown("f").stx_size, 5U);
  EXPECT_EQ(u_.stat("f").stx_size, 5U) << "by LOOKUP";
  EXPECT_EQ(must(attributes(u_.overlay(), u_.at("f"))).stx_ino, u_.at("f")->ino);
}

TEST_F(CopiedAttributes, StayAfterTheClose) {
  open_new("f").write("12345");
  EXPECT_TRUE(is_settled("f"));
  expect_as_on_disk("f");
}

TEST_F(CopiedAttributes, AreNotMadeForFilesThatAreOnlyRead) {
  u_.disk.write("upper/f", "12345");
  const InodeRef inode = u_.at("f");
  EXPECT_EQ(u_.read("f"), "12345");
  Lock lock(inode->mutex);
  EXPECT_EQ(inode->opens->copy, nullptr);
}

TEST_F(CopiedAttributes, AreReadAnewAfterEveryChange) {
  using Do = std::function<void()>;
  u_.make_directory("d");
  const auto change = [this](const std::function<void(Changes&)>& fill) {
    Changes changes;
    fill(changes);
    must(change_attributes(u_.overlay(), caller_, u_.at("f"), changes, nullptr));
  };
  const auto on_flags = [this] {
    uint32_t flags = FS_NODUMP_FL;
    const std::span<const char> bytes(reinterpret_cast<const char*>(&flags), sizeof flags);
    (void)flag_request(u_.overlay(), caller_, u_.at("f"), FS_IOC_SETFLAGS, bytes, sizeof flags);
  };
  const std::pair<const char*, Do> all[] = {
      {"chmod", [&] { u_.chmod("f", 0600); }},
      {"chown", [&] { change([](Changes& c) { c.uid = 1000, c.gid = 1001; }); }},
      {"utimes", [&] { change([](Changes& c) {
                         c.modification_time = timespec{7, 8};
                       }); }},
      {"utimes of access", [&] { change([](Changes& c) {
                                   c.access_time = timespec{5, 6};
                                 }); }},
      {"truncate", [&] { u_.truncate("f", 3); }},
      {"truncate up", [&] { u_.truncate("f", 9000); }},
      {"open with O_TRUNC", [&] { u_.open("f", O_WRONLY | O_TRUNC); }},
      {"setxattr",
       [&] { must(set_xattr(u_.overlay(), caller_, u_.at("f"), "trusted.a", "b", 0)); }},
      {"removexattr", [&] { must(remove_xattr(u_.overlay(), caller_, u_.at("f"), "trusted.a")); }},
      {"chattr", on_flags},
      {"link", [&] { EXPECT_EQ(u_.link("f", "g"), 0); }},
      {"rename of the other name", [&] { EXPECT_EQ(u_.rename("g", "d/g"), 0); }},
      {"unlink of the other name", [&] { EXPECT_EQ(u_.remove("d/g"), 0); }},
      {"rename", [&] { EXPECT_EQ(u_.rename("f", "h") + u_.rename("h", "f"), 0); }},
      {"exchange",
       [&] {
         u_.write("other", "x");
         EXPECT_EQ(u_.rename("f", "other", RENAME_EXCHANGE), 0);
         EXPECT_EQ(u_.rename("f", "other", RENAME_EXCHANGE), 0);
       }},
      {"read", [&] { EXPECT_FALSE(u_.read("f").empty()); }},
      {"write", [&] { u_.write("f", "another text"); }},
  };
  for (const auto& [name, make] : all) {
    SCOPED_TRACE(name);
    write("f", "0123456789");
    ASSERT_TRUE(is_settled("f"));
    make();
    expect_as_on_disk("f");
  }
}

TEST_F(CopiedAttributes, AreTheReadsOwn) {
  write("f", "0123456789");
  const timespec old[2] = {{1'000'000'000, 1}, {0, UTIME_OMIT}};
  Changes changes;
  changes.access_time = old[0];
  must(change_attributes(u_.overlay(), caller_, u_.at("f"), changes, nullptr));
  EXPECT_EQ(shown("f").stx_atime.tv_sec, old[0].tv_sec);
  EXPECT_TRUE(is_settled("f"));
  Handle reader = u_.open("f", O_RDONLY);
  EXPECT_EQ(reader.read(), "0123456789");
  EXPECT_FALSE(is_settled("f"));
  expect_as_on_disk("f");
  EXPECT_TRUE(is_settled("f")) << "asked once";
}

TEST_F(CopiedAttributes, AreReadAnewAfterFallocateAndCopyFileRange) {
  write("source", "0123456789");
  Handle from = u_.open("source", O_RDONLY), to = open_new("f");
  to.write("x");
  EXPECT_EQ(must(copy_range(u_.overlay(), caller_, from.file(), 0, to.file(), 1, 10)), 10U);
  EXPECT_TRUE(is_settled("f"));
  expect_as_on_disk("f");
  EXPECT_FALSE(is_settled("source")) << "it was read";
  expect_as_on_disk("source");
  for (const off_t end : {off_t{20'000}, off_t{17} << 20}) {
    for (const int mode : {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE}) {
      if (is_long_allocation(u_.overlay(), to.file(), end)) {
        must(allocate_killably(u_.overlay(), caller_, to.file(), mode, 0, end));
      } else {
        allocate(u_.overlay(), caller_, to.file(), mode, 0, end,
                 [](Result<size_t> done) { EXPECT_TRUE(done); });
        u_.overlay().transfers.wait_until_idle();
      }
      EXPECT_TRUE(is_settled("f"));
      expect_as_on_disk("f");
    }
  }
}

TEST_F(CopiedAttributes, OfAFileWithoutANameAreRight) {
  Handle file = open_new("f");
  file.write("12345");
  EXPECT_EQ(u_.remove("f"), 0);
  EXPECT_EQ(must(attributes(u_.overlay(), file.node())).stx_nlink, 0U);
  file.write("1234567");
  EXPECT_EQ(must(attributes(u_.overlay(), file.node())).stx_size, 7U);
  EXPECT_EQ(must(attributes(u_.overlay(), file.node())).stx_nlink, 0U);
}

TEST_F(CopiedAttributes, ShowAnOwnerAndALinkCountOfTheUnion) {
  u_.disk.write("lower1/f", "lower");
  write("f", "upper!");
  EXPECT_TRUE(is_settled("f"));
  const sys::Stat told = u_.stat("f");
  EXPECT_EQ(told.stx_ino, u_.at("f")->ino);
  EXPECT_EQ(told.stx_nlink, 1U);
  expect_as_on_disk("f");
}

TEST_F(CopiedAttributes, CostACloseNoLook) {
  Handle file = open_new("f");
  file.write("12345");
  const InodeRef inode = file.node();
  Lock lock(inode->mutex);
  ASSERT_NE(usable_copy(*inode), nullptr);
  EXPECT_TRUE(usable_copy(*inode)->settled_content());
}

class PassedThrough : public CopiedAttributes {
 protected:
  PassedThrough() : CopiedAttributes({.on = kMemory}) {}
};

TEST_F(PassedThrough, FilesAreAlwaysAskedOfTheDisk) {
  u_.backings.refuse(ENOMEM);  // For once it is served by the daemon.
  write("f", "12345");
  EXPECT_TRUE(is_settled("f"));
  u_.backings.refuse(0);
  {
    Handle reader = u_.open("f", O_RDONLY);
    ASSERT_TRUE(reader.is_passed_through());
    EXPECT_FALSE(is_settled("f"));
    EXPECT_EQ(reader.read(), "12345");
    u_.write("g", "x");
    Handle target = u_.open("g", O_WRONLY);
    must(copy_range(u_.overlay(), caller_, reader.file(), 0, target.file(), 0, 5));
    expect_as_on_disk("f");
    EXPECT_FALSE(is_settled("f"));
  }
  EXPECT_FALSE(is_settled("f"));
  Handle writer = u_.open("f", O_RDWR);
  ASSERT_TRUE(writer.is_passed_through());
  writer.write("1234567");
  allocate(u_.overlay(), caller_, writer.file(), 0, 0, 100, [](Result<size_t>) {});
  u_.overlay().transfers.wait_until_idle();
  EXPECT_FALSE(is_settled("f"));
  expect_as_on_disk("f");
}

class Frozen : public CopiedAttributes {
 protected:
  Frozen()
      : CopiedAttributes({.passthrough = false,
                          .may_be_frozen = true,
                          .format = {.redirect_dir = layer::RedirectDir::On, .index = true},
                          .on = kMemory}) {}
};

TEST_F(Frozen, FilesAreAskedOfTheDiskAgain) {
  Handle open = open_new("open");
  open.write("12345");
  write("closed", "12345");
  must(u_.freeze());
  EXPECT_FALSE(is_settled("open"));
  EXPECT_FALSE(is_settled("closed"));
  EXPECT_EQ(shown("open").stx_nlink, 1U);
  open.write("1234567");
  EXPECT_EQ(shown("open").stx_size, 7U);
  EXPECT_EQ(shown("closed").stx_size, 5U);
  u_.write("closed", "another text");
  EXPECT_EQ(shown("closed").stx_size, 12U);
}

/// Whether `path` is on a file system of the driver of ext4.
bool is_on_ext4(const std::string& path) {
  struct statfs kind = {};
  return ::statfs(path.c_str(), &kind) == 0 && kind.f_type == EXT4_SUPER_MAGIC;
}

class OnADisk : public CopiedAttributes {
 protected:
  OnADisk() : CopiedAttributes({.passthrough = false}) {}

  /// An fsync and its completion. (The unions of these tests are volatile, and make none.)
  static void sync_file(Handle& file) {
    const BorrowedFd fd = file.file().fd();
    auto completion = note_written_out_then(file.node(), fd, [](Result<std::span<char>>) {});
    must(sys::sync_data(fd));
    completion(std::span<char>());
  }
};

TEST_F(OnADisk, FilesOfExt4AreAskedForUntilAnFsyncHasAllocatedTheirBlocks) {
  if (!is_on_ext4(u_.disk.path())) GTEST_SKIP() << "the temporary directory is not on ext4";
  Handle file = open_new("f");
  file.write(std::string(100'000, 'x'));
  expect_as_on_disk("f");
  EXPECT_FALSE(is_settled("f"));
  sync_file(file);
  expect_as_on_disk("f");
  EXPECT_TRUE(is_settled("f"));
  expect_as_on_disk("f");
  file.write("y");
  EXPECT_FALSE(is_settled("f"));
  expect_as_on_disk("f");
  EXPECT_FALSE(is_settled("f"));
}

}  // namespace
}  // namespace overpass::overlay
