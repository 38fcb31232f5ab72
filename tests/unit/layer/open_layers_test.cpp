// SPDX-License-Identifier: MIT
//
// Layers opened together: in which order, how protected, and that a refusal leaves nothing behind.

#include "layer/open_layers.h"

#include <gtest/gtest.h>

#include "../sys/scratch.h"
#include "sys/credentials.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::layer {
namespace {

using unit::content_of;
using unit::error_of;
using unit::must;
using unit::Scratch;

class OpenLayers : public testing::Test {
 protected:
  OpenLayers() {
    for (const char* name : {"one", "two", "data", "upper", "work", "mountpoint"}) {
      disk.directory(name);
    }
    for (const char* name : {"one", "two", "data"}) disk.write(std::string(name) + "/which", name);
    paths.lower = {disk.path("one"), disk.path("two")};
    paths.upper = disk.path("upper");
    paths.work = disk.path("work");
    paths.mountpoint = disk.path("mountpoint");
  }

  LayerStack open() { return must(open_layers(paths)); }

  /// The message of a refusal, which must leave the disk as it was.
  std::string refusal() {
    const std::vector<std::string> before = disk.names("work");
    auto stack = open_layers(paths);
    EXPECT_FALSE(stack) << "it was not refused";
    EXPECT_EQ(disk.names("work"), before);
    return stack ? "" : stack.error().line();
  }

  static std::string which(const Layer& layer) {
    return content_of(must(sys::open_at(layer.root, "which", O_RDONLY)));
  }

  Scratch disk;
  LayerPaths paths;
};

TEST_F(OpenLayers, ComeInTheOrderInWhichTheyWereNamed) {
  paths.data_only = {disk.path("data")};
  const LayerStack stack = open();
  ASSERT_EQ(stack.size(), 4);
  EXPECT_TRUE(stack.has_upper());
  EXPECT_EQ(stack.upper().path, disk.path("upper"));
  EXPECT_EQ(which(stack.layers[1]), "one");
  EXPECT_EQ(which(stack.layers[2]), "two");
  EXPECT_EQ(which(stack.layers[3]), "data");
  EXPECT_EQ(stack.lowers_end(), 3);
  for (const Layer& layer : stack.layers) EXPECT_EQ(layer.device, disk.stat().st_dev);
  EXPECT_TRUE(stack.all_on_one_device());
}

TEST_F(OpenLayers, AreWriteProtectedWhereThatMayBeDone) {
  if (!sys::may_administer_own_namespace()) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
  const LayerStack stack = open();
  for (const LayerIndex lower : {LayerIndex{1}, LayerIndex{2}}) {
    EXPECT_TRUE(stack.layers[lower].write_protected);
    const BorrowedFd root = stack.layers[lower].root;
    EXPECT_EQ(error_of(sys::open_at(root, "which", O_WRONLY)), EROFS);
    EXPECT_EQ(error_of(sys::make_directory(root, "made", 0755)), EROFS);
  }
  EXPECT_EQ(error_of(sys::make_directory(stack.upper().root, "made", 0755)), 0);
}

TEST_F(OpenLayers, CanDoWithoutAnUpper) {
  paths.upper.reset();
  paths.work.reset();
  const LayerStack stack = open();
  EXPECT_FALSE(stack.has_upper());
  EXPECT_EQ(stack.size(), 3);
  EXPECT_EQ(disk.names("work"), std::vector<std::string>());
}

TEST_F(OpenLayers, ExpectMarksOfOthersOnlyInAnUpperThatHasBeenUsed) {
  EXPECT_FALSE(open().upper().foreign_marks);
  disk.write("upper/file", "");
  EXPECT_TRUE(open().upper().foreign_marks);
}

TEST_F(OpenLayers, KeepTheirMarksWhereTheUserWants) {
  if (::geteuid() == 0) {
    EXPECT_EQ(open().prefix, Prefix::Trusted);
  }
  paths.userxattr = true;
  EXPECT_EQ(open().prefix, Prefix::User);
}

TEST_F(OpenLayers, AreInUseByOneMountAtATime) {
  const LayerStack first = open();
  EXPECT_NE(refusal().find("in use by another mount"), std::string::npos);
  // Another upper with the same workdir, which would be emptied.
  paths.upper = disk.directory("second");
  EXPECT_NE(refusal().find("workdir"), std::string::npos);
}

TEST_F(OpenLayers, AreFreeAgainWhenTheStackIsGone) {
  { const LayerStack first = open(); }
  EXPECT_TRUE(open_layers(paths));
}

TEST_F(OpenLayers, AreRefusedWhenTheUpperIsALowerToo) {
  paths.upper = disk.path("one");
  EXPECT_NE(refusal().find("is also a lowerdir"), std::string::npos);
}

TEST_F(OpenLayers, AreRefusedWhenUpperAndWorkdirLieInEachOther) {
  paths.work = disk.directory("upper/work");
  EXPECT_NE(refusal().find("one inside the other"), std::string::npos);
  paths.work = paths.upper;
  EXPECT_NE(refusal().find("one inside the other"), std::string::npos);
}

TEST_F(OpenLayers, AreRefusedWhenUpperAndWorkdirAreOnTwoFileSystems) {
  const Scratch memory("/dev/shm");
  if (memory.stat().st_dev == disk.stat().st_dev) GTEST_SKIP() << "one file system only";
  paths.work = memory.directory("work");
  EXPECT_NE(refusal().find("not on the same file system"), std::string::npos);
}

TEST_F(OpenLayers, AreRefusedWithAWorkdirThatHoldsSomethingElse) {
  disk.write("work/precious", "text");
  EXPECT_NE(refusal().find("precious"), std::string::npos);
  EXPECT_EQ(disk.read("work/precious"), "text");
}

TEST_F(OpenLayers, AreRefusedAfterAVolatileMountThatDidNotEnd) {
  disk.directory("work/work/incompat/volatile");
  EXPECT_NE(refusal().find("volatile"), std::string::npos);
  EXPECT_TRUE(disk.exists("work/work/incompat/volatile"));
}

TEST_F(OpenLayers, NameTheOneThatIsMissing) {
  for (std::string* path : {&paths.lower[1], &*paths.upper, &*paths.work}) {
    const std::string before = std::exchange(*path, disk.path("absent"));
    EXPECT_NE(refusal().find(disk.path("absent")), std::string::npos);
    *path = before;
  }
  EXPECT_FALSE(disk.exists("absent"));
}

TEST_F(OpenLayers, LoseTheLeftoversOfACrashInTheWorkdirOnly) {
  disk.write("work/work/#1", "half a copy");
  disk.write("upper/file", "text");
  const LayerStack stack = open();
  EXPECT_FALSE(disk.exists("work/work/#1"));
  EXPECT_EQ(disk.read("upper/file"), "text");
}

}  // namespace
}  // namespace overpass::layer
