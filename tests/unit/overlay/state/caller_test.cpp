// SPDX-License-Identifier: MIT
//
// Threads that serve requests may not wait: an operation that would answers kMustWait there, before
// anything has changed.

#include "overlay/state/caller.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../union.h"
#include "overlay/change/change_attributes.h"
#include "overlay/change/create.h"
#include "overlay/change/file_flags.h"
#include "overlay/change/remove.h"
#include "overlay/change/rename.h"
#include "overlay/change/xattr.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/open/file_io.h"
#include "overlay/open/open_directory.h"
#include "overlay/state/copy_up_progress.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::kServedRoot;
using unit::Union;
using unit::UnionOptions;
using Names = std::vector<std::string>;

Changes mode_of(mode_t mode) {
  Changes changes;
  changes.mode = mode;
  return changes;
}

Changes size_of(off_t size) {
  Changes changes;
  changes.size = size;
  return changes;
}

/// More than a serving thread copies.
const std::string kLong(100'000, 't');

class Served : public testing::Test {
 protected:
  explicit Served(UnionOptions options = {}) : u(options) {
    u.disk.write("lower1/d/file", kLong);
    u.disk.write("lower1/d/short", "text");
    u.disk.write("lower1/d/other", "text");
    EXPECT_EQ(::symlink("file", u.disk.path("lower1/d/link").c_str()), 0);
    u.disk.directory("lower1/d/merged");
  }

  int open(const std::string& path, int flags) {
    return error_of(open_file(u.overlay(), kServedRoot, u.at(path), flags));
  }
  int change(const std::string& path, const Changes& changes) {
    return error_of(change_attributes(u.overlay(), kServedRoot, u.at(path), changes, nullptr));
  }
  /// Below "d"; the names need not be known yet.
  int rename(const char* from, const char* to, unsigned flags = 0) {
    const InodeRef d = u.at("d");
    return error_of(overlay::rename(u.overlay(), kServedRoot, {d, from}, {d, to}, flags));
  }
  bool is_untouched() { return u.disk.names("upper").empty(); }

  Union u;
};

TEST_F(Served, CopiesNoDataToWrite) {
  for (const int flags : {O_WRONLY, O_RDWR}) EXPECT_EQ(open("d/file", flags), kMustWait);
  EXPECT_EQ(change("d/file", size_of(80'000)), kMustWait);
  EXPECT_TRUE(is_untouched());
}

TEST_F(Served, CopiesNoDataToChangeAttributesOrNames) {
  const InodeRef file = u.at("d/file");
  EXPECT_EQ(change("d/file", mode_of(0600)), kMustWait);
  EXPECT_EQ(error_of(set_xattr(u.overlay(), kServedRoot, file, "user.x", "y", 0)), kMustWait);
  EXPECT_EQ(error_of(make_link(u.overlay(), kServedRoot, file, u.at("d"), "name")), kMustWait);
  EXPECT_EQ(rename("file", "name"), kMustWait);
  EXPECT_TRUE(is_untouched());
}

TEST_F(Served, ChangesFilesInTheUpper) {
  u.chmod("d/file", 0600);
  EXPECT_EQ(open("d/file", O_WRONLY), 0);
  EXPECT_EQ(change("d/file", size_of(1)), 0);
  EXPECT_EQ(change("d/file", mode_of(0640)), 0);
  EXPECT_EQ(rename("file", "name"), 0);
  EXPECT_EQ(u.read("d/name"), "t");
}

TEST_F(Served, CopiesFilesWithoutData) {
  EXPECT_EQ(change("d", mode_of(0700)), 0);
  EXPECT_EQ(rename("link", "name"), 0);
  EXPECT_TRUE(u.shows("d/name"));
}

TEST_F(Served, ReadsAndRefusesAtOnce) {
  EXPECT_EQ(open("d/file", O_RDONLY), 0);
  EXPECT_EQ(rename("absent", "name"), ENOENT);
  EXPECT_EQ(error_of(remove_xattr(u.overlay(), kServedRoot, u.at("d/file"), "user.x")), ENODATA);
  EXPECT_TRUE(is_untouched());
}

TEST_F(Served, ExchangesNothingBeforeBothEndsCanBeCopied) {
  EXPECT_EQ(rename("link", "file", RENAME_EXCHANGE), kMustWait);
  EXPECT_EQ(rename("file", "link", RENAME_EXCHANGE), kMustWait);
  EXPECT_TRUE(is_untouched());
}

TEST_F(Served, GoesThroughNoLowersToRemoveADirectory) {
  EXPECT_EQ(error_of(remove_directory(u.overlay(), kServedRoot, u.at("d"), "merged")), kMustWait);
  EXPECT_TRUE(is_untouched());
  ASSERT_EQ(u.make_directory("d/own"), 0);
  EXPECT_EQ(error_of(remove_directory(u.overlay(), kServedRoot, u.at("d"), "merged")), kMustWait);
  EXPECT_EQ(error_of(remove_directory(u.overlay(), kServedRoot, u.at("d"), "own")), 0);
  EXPECT_TRUE(u.shows("d/merged"));
}

TEST_F(Served, GoesThroughNoLowersToReplaceADirectory) {
  ASSERT_EQ(u.make_directory("d/own"), 0);
  (void)u.at("d/merged");
  EXPECT_EQ(rename("own", "merged"), kMustWait);
  EXPECT_TRUE(u.shows("d/own"));
  EXPECT_FALSE(u.disk.exists("upper/d/merged"));
}

TEST_F(Served, WaitsForNoOtherCopy) {
  const InodeRef link = u.at("d/link");
  {
    Lock lock(link->mutex);
    link->make_extras().copy_up = std::make_shared<CopyUnderWay>(link, Caller());
  }
  EXPECT_EQ(error_of(copy_up_metadata(u.overlay(), kServedRoot, link)), kMustWait);
  Lock lock(link->mutex);
  link->extras->copy_up = nullptr;
}

TEST_F(Served, CopiesAShortRange) {
  if (u.overlay().stack.workdir.features().reflinks) GTEST_SKIP() << "blocks are shared here";
  auto handle = u.open("d/file", O_RDWR);
  u.disk.write("lower1/d/other", "text");
  auto source = u.open("d/other", O_RDONLY);
  const auto copied =
      copy_range(u.overlay(), kServedRoot, source.file(), 1, handle.file(), 8, 1U << 30);
  EXPECT_EQ(copied.value_or(0), 3U);
  EXPECT_EQ(u.read("d/file").substr(0, 12), "ttttttttextt");
}

TEST_F(Served, SyncsNoDirectoryAndCopiesNoLongRange) {
  ASSERT_EQ(u.chmod("d", 0700), 0);
  auto handle = u.open("d/file", O_RDWR);
  EXPECT_EQ(
      error_of(copy_range(u.overlay(), kServedRoot, handle.file(), 0, handle.file(), 8, 70'000)),
      kMustWait);
  EXPECT_EQ(error_of(allocate_killably(u.overlay(), kServedRoot, handle.file(), 0, 0, 1)),
            kMustWait);
}

class ServedMetacopy : public Served {
 protected:
  ServedMetacopy()
      : Served({.format = {.redirect_dir = layer::RedirectDir::On, .metacopy = true}}) {}
};

TEST_F(ServedMetacopy, LeavesTheDataWhereTheyAre) {
  EXPECT_EQ(change("d/file", mode_of(0600)), 0);
  EXPECT_EQ(rename("file", "name"), 0);
  EXPECT_EQ(open("d/name", O_WRONLY), kMustWait);
  EXPECT_EQ(u.read("d/name"), kLong);
}

/// They are in memory, and on a volatile mount the copy need not reach the disk.
TEST_F(Served, CopiesFewBytes) {
  EXPECT_EQ(open("d/short", O_WRONLY), 0);
  EXPECT_EQ(change("d/other", mode_of(0600)), 0);
  EXPECT_EQ(u.disk.read("upper/d/short"), "text");
  EXPECT_EQ(u.disk.read("upper/d/other"), "text");
}

TEST_F(Served, CopiesAnyFileThatIsTruncated) {
  EXPECT_EQ(open("d/file", O_WRONLY | O_TRUNC), 0);
  EXPECT_EQ(u.disk.read("upper/d/file"), "");
}

TEST_F(Served, CopiesNotManyBytes) {
  EXPECT_EQ(open("d/file", O_WRONLY), kMustWait);
  EXPECT_EQ(change("d/file", mode_of(0600)), kMustWait);
  EXPECT_TRUE(is_untouched());
}

/// Holes are in no memory.
TEST_F(Served, ReadsNothingFromADisk) {
  ASSERT_EQ(::truncate(u.disk.path("lower1/d/short").c_str(), 50'000), 0);
  EXPECT_EQ(open("d/short", O_WRONLY), kMustWait);
  EXPECT_TRUE(is_untouched());
}

class ServedIndex : public Served {
 protected:
  ServedIndex() : Served({.format = {.index = true}}) {
    std::filesystem::create_hard_link(u.disk.path("lower1/d/file"), u.disk.path("lower1/d/same"));
  }
};

// The kernel may have forgotten the name, or the union may show another file under it than a moment
// before. Whether a copy is needed can only be told by the operation itself.
TEST_F(ServedIndex, RemovesNoNameOfAFileToBeCopiedThoughItDoesNotKnowTheName) {
  const InodeRef d = u.at("d");
  EXPECT_EQ(error_of(remove_file(u.overlay(), kServedRoot, d, "same")), kMustWait);
  EXPECT_TRUE(is_untouched());
  EXPECT_TRUE(u.shows("d/same"));
  EXPECT_EQ(error_of(remove_file(u.overlay(), kServedRoot, d, "other")), 0);
}

TEST_F(ServedIndex, ReplacesNoNameOfAFileToBeCopiedThoughItDoesNotKnowTheName) {
  EXPECT_EQ(rename("link", "same"), kMustWait);
  EXPECT_TRUE(is_untouched());
}

}  // namespace
}  // namespace overpass::overlay
