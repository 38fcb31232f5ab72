// SPDX-License-Identifier: MIT
//
// The names that the program may be called by. What mount(8) sees is in tests/mount/lifecycle.

#include <gtest/gtest.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "scratch.h"

namespace overpass::cli {
namespace {

class Called : public testing::Test {
 protected:
  int by(std::string_view program, const Arguments& arguments) {
    Context context = world_.context();
    return run_as(context, program, arguments);
  }

  FakeWorld world_;
};

TEST_F(Called, ByItsNameItHasCommands) {
  EXPECT_EQ(by("/usr/bin/overpass", {"mount", "-f", "--lower", "/a", "/m"}), kSuccess);
  EXPECT_EQ(by("", {"mount", "-f", "--lower", "/a", "/m"}), kSuccess);
  EXPECT_EQ(world_.served.size(), 2u);
}

TEST_F(Called, AsFuseOverlayfsItHasNone) {
  EXPECT_EQ(by("fuse-overlayfs", {"-f", "-o", "lowerdir=/a", "mount"}), kSuccess);
  ASSERT_EQ(world_.served.size(), 1u);
  EXPECT_TRUE(world_.served[0].mountpoint.ends_with("/mount"));
  EXPECT_EQ(by("fuse-overlayfs", {"status"}), kFailure);
}

TEST_F(Called, AsAHelperItShowsTheSourceAndChecksWithoutMounting) {
  for (const char* name : {"/sbin/mount.overpass", "mount.fuse.overpass"}) {
    EXPECT_EQ(by(name, {"a,b", "/m", "-f", "-v", "-t", "overpass", "-o", "lowerdir=/a,noauto"}),
              kSuccess);
  }
  EXPECT_TRUE(world_.served.empty());
  EXPECT_EQ(by("mount.overpass", {"a,b", "/m", "-o", "lowerdir=/a", "-o", "debug"}), kSuccess);
  ASSERT_EQ(world_.served.size(), 1u);
  EXPECT_EQ(world_.served[0].fsname, "a,b");
}

TEST_F(Called, AsAHelperItRefusesARemountBeforeAllElse) {
  EXPECT_EQ(by("mount.overpass", {"a", "/m", "-o", "rw,user_id=0,remount,ro"}), 1);
  EXPECT_NE(world_.err.str().find("remount"), std::string::npos) << world_.err.str();
}

}  // namespace
}  // namespace overpass::cli
