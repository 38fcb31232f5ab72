// SPDX-License-Identifier: MIT
//
// Reading /proc/self/mountinfo.

#include "cli/mounted.h"

#include <gtest/gtest.h>

#include "scratch.h"

namespace overpass::cli {

namespace {

constexpr std::string_view kMountinfo =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "30 22 0:27 / /plain rw - tmpfs tmpfs rw\n"
    "31 22 0:28 / /union rw,nosuid shared:2 master:3 - fuse.overpass overpass rw,user_id=0\n"
    "32 22 0:29 / /with\\040blank\\134and\\012line rw - fuse.overpass overpass rw\n"
    "33 30 0:30 / /plain rw - fuse.overpass overpass rw\n"
    "34 31 0:31 / /union rw - tmpfs tmpfs rw\n"
    "broken line\n"
    "35 22 0:32 / /cut rw\n";

TEST(FindMountType, FindsTheTypeBehindTheOptionalFields) {
  EXPECT_EQ(find_mount_type(kMountinfo, "/"), "ext4");
}

TEST(FindMountType, TakesTheTopmostMount) {
  EXPECT_EQ(find_mount_type(kMountinfo, "/plain"), "fuse.overpass");
  EXPECT_EQ(find_mount_type(kMountinfo, "/union"), "tmpfs");
}

TEST(FindMountType, DecodesNames) {
  EXPECT_EQ(find_mount_type(kMountinfo, "/with blank\\and\nline"), "fuse.overpass");
}

TEST(FindMountType, FindsNothingElse) {
  EXPECT_EQ(find_mount_type(kMountinfo, "/unio"), std::nullopt);
  EXPECT_EQ(find_mount_type(kMountinfo, "/cut"), std::nullopt);
  EXPECT_EQ(find_mount_type("", "/"), std::nullopt);
}

TEST(FindUnions, ListsWholeUnionsThatCanBeReached) {
  const std::vector<std::string> expected = {"/with blank\\and\nline", "/plain"};
  EXPECT_EQ(find_unions(kMountinfo), expected);
  EXPECT_TRUE(find_unions("36 22 0:29 /sub /bound rw - fuse.overpass overpass rw\n").empty());
  EXPECT_TRUE(find_unions("").empty());
}

/// A mount table of paths that are there.
class MountAround : public testing::Test {
 protected:
  static std::string make_directories(const Scratch& scratch) {
    std::filesystem::create_directories(scratch.path("union/dir"));
    return std::filesystem::canonical(scratch.path("union"));
  }

  const Scratch scratch_;
  const std::string top_ = make_directories(scratch_);
  const std::string mountinfo_ = "22 1 254:0 / / rw - ext4 /dev/vda rw\n30 22 0:27 / " + top_ +
                                 " rw - fuse.overpass overpass rw\n";
};

TEST_F(MountAround, IsFoundFromTheMountpointItself) {
  EXPECT_EQ(find_mount_at(mountinfo_, top_ + "/")->mountpoint, top_);
  EXPECT_FALSE(find_mount_at(mountinfo_, top_ + "/dir"));
  EXPECT_FALSE(find_mount_at(mountinfo_, ""));
}

TEST_F(MountAround, IsFoundFromPathsInside) {
  std::filesystem::create_directory_symlink(top_ + "/dir", scratch_.path("link"));
  for (const std::string& path : {top_, top_ + "/dir", top_ + "/dir/..", scratch_.path("link")}) {
    const auto found = find_mount_around(mountinfo_, path);
    ASSERT_TRUE(found) << path;
    EXPECT_EQ(found->mountpoint, top_) << path;
    EXPECT_EQ(found->type, kMountType) << path;
  }
}

TEST_F(MountAround, IsAnotherOutside) {
  const auto outside = find_mount_around(mountinfo_, scratch_.path("."));
  ASSERT_TRUE(outside);
  EXPECT_EQ(outside->mountpoint, "/");
  EXPECT_EQ(outside->type, "ext4");
}

TEST_F(MountAround, IsNotFoundFromAnAbsentPath) {
  EXPECT_EQ(find_mount_around(mountinfo_, top_ + "/none").error().cause,
            "'" + top_ + "/none': No such file or directory");
  EXPECT_FALSE(find_mount_around(mountinfo_, ""));
}

}  // namespace

}  // namespace overpass::cli
