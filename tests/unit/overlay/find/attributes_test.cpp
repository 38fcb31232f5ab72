// SPDX-License-Identifier: MIT
//
// stat and setattr on the union: each change by itself, what it costs, and what truncation does to
// those who read.

#include "overlay/find/attributes.h"
#include "overlay/change/change_attributes.h"

#include <gtest/gtest.h>

#include <functional>

#include "../union.h"

namespace overpass::overlay {
namespace {

using unit::Handle;
using unit::must;
using unit::Union;

class Attributes : public testing::TestWithParam<const char*> {
 protected:
  Attributes() {
    u_.disk.write(layer() + "/file", "0123456789", 0644);
    const timespec old[2] = {{1'000'000'000, 1}, {1'000'000'000, 2}};
    EXPECT_EQ(::utimensat(AT_FDCWD, u_.disk.path(layer() + "/file").c_str(), old, 0), 0);
  }
  std::string layer() const { return GetParam(); }

  sys::Stat change(const std::function<void(Changes&)>& fill) {
    Changes changes;
    fill(changes);
    const sys::Stat told =
        must(change_attributes(u_.overlay(), caller_, u_.at("file"), changes, nullptr));
    const sys::Stat asked = u_.stat("file");
    EXPECT_EQ(told.stx_mode, asked.stx_mode);
    EXPECT_EQ(told.stx_size, asked.stx_size);
    EXPECT_EQ(told.stx_ino, asked.stx_ino);
    EXPECT_EQ(told.stx_mtime.tv_sec, asked.stx_mtime.tv_sec);
    return asked;
  }

  Union u_;
  Caller caller_;
};

TEST_P(Attributes, CanBeChangedOneByOne) {
  EXPECT_EQ(change([](Changes& c) { c.mode = 0600; }).stx_mode & 07777, 0600U);
  EXPECT_EQ(change([](Changes& c) { c.uid = 1000; }).stx_uid, 1000U);
  EXPECT_EQ(change([](Changes& c) { c.gid = 2000; }).stx_gid, 2000U);
  EXPECT_EQ(change([](Changes& c) { c.size = 4; }).stx_size, 4U);
  EXPECT_EQ(change([](Changes& c) { c.access_time = timespec{5, 6}; }).stx_atime.tv_nsec, 6U);
  EXPECT_EQ(change([](Changes& c) { c.modification_time = timespec{7, 8}; }).stx_mtime.tv_sec, 7);
  const sys::Stat now = u_.stat("file");
  EXPECT_EQ(now.stx_uid, 1000U);
  EXPECT_EQ(now.stx_atime.tv_sec, 5);
  EXPECT_EQ(u_.read("file"), "0123");
}

TEST_P(Attributes, CanBeChangedTogether) {
  const sys::Stat now = change([](Changes& c) {
    c.mode = 0751;
    c.uid = 1000;
    c.gid = 2000;
    c.size = 2;
    c.access_time = timespec{5, 6};
    c.modification_time = timespec{7, 8};
  });
  EXPECT_EQ(now.stx_mode & 07777, 0751U);
  EXPECT_EQ(now.stx_uid, 1000U);
  EXPECT_EQ(now.stx_gid, 2000U);
  EXPECT_EQ(now.stx_size, 2U);
  EXPECT_EQ(now.stx_atime.tv_sec, 5);
  EXPECT_EQ(now.stx_mtime.tv_nsec, 8U);
}

TEST_P(Attributes, OfSizeMakeHolesAndCutOff) {
  EXPECT_EQ(u_.truncate("file", 12), 0);
  EXPECT_EQ(u_.read("file"), std::string("0123456789\0\0", 12));
  EXPECT_EQ(u_.truncate("file", 3), 0);
  EXPECT_EQ(u_.read("file"), "012");
  EXPECT_EQ(u_.truncate("file", 0), 0);
  EXPECT_EQ(u_.read("file"), "");
}

TEST_P(Attributes, OfTimeFollowAGrowth) {
  EXPECT_GT(change([](Changes& c) { c.size = 12; }).stx_mtime.tv_sec, 1'500'000'000);
}

TEST_P(Attributes, OfTimeFollowACut) {
  EXPECT_GT(change([](Changes& c) { c.size = 4; }).stx_mtime.tv_sec, 1'500'000'000);
}

TEST_P(Attributes, MayBeTakenFromTheClock) {
  const sys::Stat now = change([](Changes& c) { c.modification_time = timespec{0, UTIME_NOW}; });
  EXPECT_GT(now.stx_mtime.tv_sec, 1'500'000'000);
  EXPECT_EQ(now.stx_atime.tv_sec, 1'000'000'000);
}

TEST_P(Attributes, KeepSetIdBitsOnlyForThePrivileged) {
  for (const bool privileged : {true, false}) {
    change([](Changes& c) { c.mode = 06755; });
    const sys::Stat now = change([&](Changes& c) {
      c.gid = privileged ? 5 : 6;
      caller_.lacks_fsetid = !privileged;
    });
    // chown(2) of a program drops them for everybody; only truncation spares the privileged.
    EXPECT_EQ(now.stx_mode & 06000, 0U);
  }
  change([](Changes& c) { c.mode = 06755; });
  EXPECT_EQ(change([this](Changes& c) {
              c.size = 5;
              caller_.lacks_fsetid = false;
            }).stx_mode &
                06000,
            06000U);
  EXPECT_EQ(change([this](Changes& c) {
              c.size = 4;
              caller_.lacks_fsetid = true;
            }).stx_mode &
                06000,
            0U);
}

INSTANTIATE_TEST_SUITE_P(OfAFileIn, Attributes, testing::Values("lower1", "upper"));

TEST(Truncation, LeavesReadersTheirContent) {
  Union u;
  u.disk.write("lower1/file", "0123456789");
  Handle reader = u.open("file", O_RDONLY);
  ASSERT_EQ(u.truncate("file", 4), 0);
  EXPECT_EQ(reader.read(), "0123456789");
  EXPECT_EQ(u.read("file"), "0123");
  EXPECT_EQ(u.disk.read("lower1/file"), "0123456789");
}

TEST(Truncation, ReachesCachedReaders) {
  Union u({.cached_lower_io = true});
  u.disk.write("lower1/file", "0123456789");
  Handle reader = u.open("file", O_RDONLY);
  EXPECT_FALSE(reader.is_passed_through());
  ASSERT_EQ(u.truncate("file", 4), 0);
  EXPECT_EQ(reader.read(), "0123");
}

TEST(Truncation, ByAHandleUsesTheHandle) {
  Union u;
  u.write("file", "0123456789");
  Handle writer = u.open("file", O_RDWR);
  // The handle was opened while that was allowed.
  ASSERT_EQ(u.chmod("file", 0), 0);
  Changes changes;
  changes.size = 4;
  EXPECT_EQ(
      must(change_attributes(u.overlay(), unit::kRoot, writer.node(), changes, &writer.file()))
          .stx_size,
      4U);
}

TEST(AttributesOfASupersededNode, AreThoseOfTheFileAsItIs) {
  Union u;
  u.disk.write("lower1/file", "old");
  Handle reader = u.open("file", O_RDONLY);
  const InodeRef old = reader.node();
  u.open("file", O_RDWR).write("longer than before");
  EXPECT_NE(u.at("file").get(), old.get());
  EXPECT_EQ(must(attributes(u.overlay(), old)).stx_size, 18U);
  EXPECT_EQ(must(attributes(u.overlay(), old)).stx_ino, u.stat("file").stx_ino);
  const sys::Stat stat = u.stat("file");
  EXPECT_FALSE(may_cache_attributes(*old, stat));
  EXPECT_FALSE(may_cache_attributes(*u.at("file"), stat));
}

TEST(AttributesOfDirectories, CountOneLinkWhereLayersAreMerged) {
  Union u({.lowers = 2});
  u.disk.directory("lower1/merged/sub");
  u.disk.directory("lower2/merged");
  u.disk.directory("lower1/pure/sub");
  EXPECT_EQ(u.stat("merged").stx_nlink, 1U);
  EXPECT_EQ(u.stat("pure").stx_nlink, 3U);
}

TEST(AttributesOfDirectories, ChangeInTheUpperOnly) {
  Union u;
  u.disk.directory("lower1/d", 0755);
  ASSERT_EQ(u.chmod("d", 0700), 0);
  EXPECT_EQ(u.stat("d").stx_mode & 07777, 0700U);
  EXPECT_EQ(u.disk.stat("lower1/d").st_mode & 07777, 0755U);
  EXPECT_EQ(u.disk.stat("upper/d").st_mode & 07777, 0700U);
}

TEST(AttributesOfTheRoot, CanBeChanged) {
  Union u;
  ASSERT_EQ(u.chmod("", 0700), 0);
  EXPECT_EQ(u.disk.stat("upper").st_mode & 07777, 0700U);
  EXPECT_EQ(u.stat("").stx_mode & 07777, 0700U);
}

}  // namespace
}  // namespace overpass::overlay
