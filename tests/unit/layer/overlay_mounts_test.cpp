// SPDX-License-Identifier: MIT
//
// Overlay mounts as mount tables tell of them.

#include "layer/overlay_mounts.h"

#include <gtest/gtest.h>

namespace overpass::layer {
namespace {

TEST(OverlayMounts, AreReadFromAMountTable) {
  const auto mounts = overlay_mounts(
      "22 1 0:20 / /proc rw,nosuid - proc proc rw\n"
      "92 66 0:41 / /mnt/m rw,relatime shared:1 master:2 - overlay none "
      "rw,lowerdir=/l,upperdir=/u,workdir=/w,redirect_dir=on\n"
      "93 66 0:42 / /mnt/read\\040only rw - overlay none ro,lowerdir=/l:/k\n"
      "94 66 0:43 / /data rw - fuse.overpass /u rw,upperdir=/no\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].mountpoint, "/mnt/m");
  EXPECT_EQ(mounts[0].device, "0:41");
  EXPECT_EQ(mounts[0].upper, std::vector<std::string>{"/u"});
  EXPECT_EQ(mounts[0].work, std::vector<std::string>{"/w"});
}

TEST(OverlayMounts, HaveTheirEscapesTakenAway) {
  const auto mounts = overlay_mounts(
      "1 0 0:41 / /a\\040b rw - overlay none rw,upperdir=/x\\134\\054y\\040z/u,workdir=w\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].mountpoint, "/a b");
  EXPECT_EQ(mounts[0].upper, (std::vector<std::string>{"/x\\,y z/u", "/x,y z/u"}));
  EXPECT_EQ(mounts[0].work, std::vector<std::string>{"w"});
}

TEST(OverlayMounts, AreNotFoundInOtherTexts) {
  for (const char* text : {"", "\n\n", "1 2 3", "1 0 0:1 / /m rw - overlay none", "- overlay x y",
                           "1 0 0:1 / /m rw - overlay none rw,upperdir"}) {
    EXPECT_TRUE(overlay_mounts(text).empty()) << text;
  }
}

}  // namespace
}  // namespace overpass::layer
