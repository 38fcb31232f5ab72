// SPDX-License-Identifier: MIT
//
// What the layers at hand make of the choices: file handles, file systems, the upper's identity.

#include "layer/prepare_format.h"

#include <gtest/gtest.h>

#include "../sys/scratch.h"
#include "layer/open_layers.h"

namespace overpass::layer {

namespace {

using unit::must;
using unit::Scratch;

constexpr char kUuid[] = "trusted.overlay.uuid";

class PrepareFormat : public testing::Test {
 protected:
  PrepareFormat() {
    for (const char* name : {"lower", "other", "upper", "work", "mountpoint"}) {
      disk.directory(name);
    }
    paths.lower = {disk.path("lower")};
    paths.upper = disk.path("upper");
    paths.work = disk.path("work");
    paths.mountpoint = disk.path("mountpoint");
  }

  LayerStack open() { return must(open_layers(paths)); }

  Scratch disk;
  LayerPaths paths;
};

TEST_F(PrepareFormat, GivesANewUpperAnIdentityForGood) {
  EXPECT_EQ(open().format.uuid, Uuid::On);
  const std::string uuid = disk.xattr("upper", kUuid);
  ASSERT_EQ(uuid.size(), 16U);
  EXPECT_EQ(static_cast<unsigned char>(uuid[6]) >> 4, 4) << "version";
  EXPECT_EQ(static_cast<unsigned char>(uuid[8]) >> 6, 2) << "variant";
  EXPECT_EQ(open().format.uuid, Uuid::On);
  EXPECT_EQ(disk.xattr("upper", kUuid), uuid);
}

TEST_F(PrepareFormat, LeavesAnUpperWithoutIdentityThatWasUsedWithout) {
  disk.set_xattr("upper", "trusted.overlay.impure", "y");
  const LayerStack stack = open();
  EXPECT_EQ(stack.format.uuid, Uuid::Null);
  EXPECT_NE(stack.format_reasons.uuid, "");
  EXPECT_EQ(disk.xattr("upper", kUuid), "-");
}

TEST_F(PrepareFormat, GivesItOneOnDemand) {
  disk.set_xattr("upper", "trusted.overlay.impure", "y");
  paths.format.uuid = Uuid::On;
  EXPECT_EQ(open().format.uuid, Uuid::On);
  EXPECT_EQ(disk.xattr("upper", kUuid).size(), 16U);
}

TEST_F(PrepareFormat, WritesNoIdentityWhenNoneIsWanted) {
  for (const Uuid choice : {Uuid::Null, Uuid::Off}) {
    paths.format.uuid = choice;
    EXPECT_EQ(open().format.uuid, choice);
    EXPECT_EQ(disk.xattr("upper", kUuid), "-");
  }
}

TEST_F(PrepareFormat, PassesOverAnIdentityOfAnotherLength) {
  disk.set_xattr("upper", kUuid, "short");
  const LayerStack stack = open();
  EXPECT_EQ(stack.format.uuid, Uuid::Null);
  EXPECT_NE(stack.format_reasons.uuid, "");
  EXPECT_EQ(disk.xattr("upper", kUuid), "short");
}

TEST_F(PrepareFormat, LeavesUuidsOutOnOneFileSystem) {
  paths.format.uuid = Uuid::Off;
  const LayerStack stack = open();
  for (const Layer& layer : stack.layers) {
    EXPECT_TRUE(layer.any_uuid);
    EXPECT_EQ(layer.uuid, sys::FileSystemUuid());
  }
}

TEST_F(PrepareFormat, KeepsUuidsWhereThereAreSeveralFileSystems) {
  const Scratch elsewhere("/dev/shm");
  if (elsewhere.stat().st_dev == disk.stat().st_dev) GTEST_SKIP() << "needs two file systems";
  paths.lower.push_back(elsewhere.path());
  paths.format.uuid = Uuid::Off;
  const LayerStack stack = open();
  EXPECT_EQ(stack.format.uuid, Uuid::Null);
  EXPECT_NE(stack.format_reasons.uuid.find("one file system"), std::string::npos);
  for (const Layer& layer : stack.layers) EXPECT_FALSE(layer.any_uuid);
}

TEST_F(PrepareFormat, TellsLayersOfOneFileSystemApartByNothing) {
  paths.lower.push_back(disk.path("other"));
  for (const Layer& layer : open().layers) EXPECT_FALSE(layer.ambiguous_uuid);
}

TEST_F(PrepareFormat, HasNoIndexWithoutFileHandles) {
  paths.lower = {"/proc/self/task"};
  paths.format.index = true;
  const LayerStack stack = open();
  EXPECT_FALSE(stack.format.index);
  EXPECT_FALSE(stack.index);
  EXPECT_NE(stack.format_reasons.index.find("gives no file handles"), std::string::npos)
      << stack.format_reasons.index;
  EXPECT_FALSE(disk.exists("work/index"));
}

TEST_F(PrepareFormat, NeedsNoUpper) {
  paths.upper.reset();
  paths.work.reset();
  paths.format.uuid = Uuid::On;
  EXPECT_EQ(open().format.uuid, Uuid::Null);
}

}  // namespace

}  // namespace overpass::layer
