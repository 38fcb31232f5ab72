// SPDX-License-Identifier: MIT
//
// Reading /proc/self/mountinfo.

#include "cli/mount_table.h"

#include <gtest/gtest.h>

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

TEST(ResolveOverpassMount, RefusesWhatIsNotOurs) {
  const auto proc = resolve_overpass_mount("/proc/");
  ASSERT_FALSE(proc);
  EXPECT_EQ(proc.error().cause, "'/proc/' is a mount of type proc, not of overpass");
  const auto directory = resolve_overpass_mount("/proc/self");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().line(),
            "'/proc/self' is not a mountpoint of overpass ('findmnt -t fuse.overpass' lists them)");
  EXPECT_FALSE(resolve_overpass_mount(""));
  EXPECT_FALSE(resolve_overpass_mount("/nothing/here"));
}

}  // namespace
}  // namespace overpass::cli
