// SPDX-License-Identifier: MIT
//
// One more lower for layers that are open: where it comes to be, and that a refusal changes
// nothing.

#include "layer/add_lower.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "../sys/scratch.h"
#include "layer/open_layers.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::layer {
namespace {

using unit::content_of;
using unit::must;
using unit::Scratch;

class AddLower : public testing::Test {
 protected:
  AddLower() {
    for (const char* name : {"one", "two", "data", "new", "upper", "work", "mountpoint"}) {
      disk.directory(name);
      disk.write(std::string(name) == "work" ? "unused" : std::string(name) + "/which", name);
    }
    paths.lower = {disk.path("one"), disk.path("two")};
    paths.upper = disk.path("upper");
    paths.work = disk.path("work");
    paths.mountpoint = disk.path("mountpoint");
  }

  /// The message of a refusal, which must leave the layers as they were.
  std::string refusal(LayerStack& stack, const std::string& path, dev_t mount = 0) {
    const size_t layers = stack.layers.size();
    const LayerIndex first_data_only = stack.first_data_only;
    const auto added = add_lower(stack, paths, path, mount);
    EXPECT_FALSE(added) << "it was not refused";
    EXPECT_EQ(stack.layers.size(), layers);
    EXPECT_EQ(stack.first_data_only, first_data_only);
    for (const HiddenPath& hidden : stack.hidden) EXPECT_LT(hidden.layer, layers);
    return added ? "" : added.error().line();
  }

  static std::string which(const Layer& layer) {
    return content_of(must(sys::open_at(layer.root, "which", O_RDONLY)));
  }

  Scratch disk;
  LayerPaths paths;
};

TEST_F(AddLower, ComesAboveAllLowersAndBelowTheUpper) {
  paths.data_only = {disk.path("data")};
  LayerStack stack = must(open_layers(paths));
  ASSERT_TRUE(add_lower(stack, paths, disk.path("new"), 0));
  ASSERT_EQ(stack.size(), 5);
  EXPECT_EQ(stack.upper().path, disk.path("upper"));
  EXPECT_EQ(which(stack.layers[1]), "new");
  EXPECT_EQ(which(stack.layers[2]), "one");
  EXPECT_EQ(which(stack.layers[4]), "data");
  EXPECT_EQ(stack.lowers_end(), 4);
}

TEST_F(AddLower, WorksWithoutAnUpper) {
  paths.upper.reset();
  paths.work.reset();
  LayerStack stack = must(open_layers(paths));
  ASSERT_TRUE(add_lower(stack, paths, disk.path("new"), 0));
  EXPECT_EQ(which(stack.layers[1]), "new");
  EXPECT_EQ(stack.lowers_end(), 4);
}

TEST_F(AddLower, HidesUpperAndWorkdirThatLieInIt) {
  LayerStack stack = must(open_layers(paths));
  ASSERT_TRUE(add_lower(stack, paths, disk.path(""), 0));
  std::vector<std::string> hidden = hidden_in_topmost(stack);
  std::ranges::sort(hidden);
  EXPECT_EQ(hidden, (std::vector<std::string>{"upper", "work"}));
  ASSERT_TRUE(add_lower(stack, paths, disk.path("new"), 0));
  EXPECT_TRUE(hidden_in_topmost(stack).empty());
  for (const HiddenPath& path : stack.hidden) EXPECT_EQ(path.layer, 2);
}

TEST_F(AddLower, IsRefusedWhenItCannotBeToldWhatToHide) {
  LayerStack stack = must(open_layers(paths));
  disk.directory("elsewhere");
  paths.work = disk.path("elsewhere");
  EXPECT_NE(refusal(stack, disk.path("")).find("another directory by now"), std::string::npos);
}

TEST_F(AddLower, IsNoLayerTwice) {
  LayerStack stack = must(open_layers(paths));
  for (const char* name : {"one", "two", "upper"}) {
    EXPECT_NE(refusal(stack, disk.path(name)).find("already"), std::string::npos) << name;
  }
}

TEST_F(AddLower, IsADirectoryOutsideTheUnion) {
  LayerStack stack = must(open_layers(paths));
  EXPECT_NE(refusal(stack, disk.path("nowhere")).find("No such file"), std::string::npos);
  EXPECT_NE(refusal(stack, disk.path("new/which")).find("Not a directory"), std::string::npos);
  const dev_t mount = disk.stat().st_dev;
  EXPECT_NE(refusal(stack, disk.path("new"), mount).find("union itself"), std::string::npos);
}

TEST_F(AddLower, IsRefusedByFormatsThatTieTheUpperToItsLowers) {
  paths.format.index = true;
  {
    LayerStack stack = must(open_layers(paths));
    if (stack.format.index) {
      EXPECT_NE(refusal(stack, disk.path("new")).find("index=on"), std::string::npos);
    }
  }
  paths.format.index = false;
  paths.format.metacopy = true;
  LayerStack stack = must(open_layers(paths));
  if (stack.format.follows_metacopy) {
    EXPECT_NE(refusal(stack, disk.path("new")).find("metacopy=on"), std::string::npos);
  }
}

TEST_F(AddLower, OnAnotherFileSystemHasNumbersToldApart) {
  const Scratch memory("/dev/shm");
  if (memory.stat().st_dev == disk.stat().st_dev) GTEST_SKIP() << "one file system only";
  LayerStack stack = must(open_layers(paths));
  EXPECT_EQ(stack.format.xino, Xino::Off);
  ASSERT_TRUE(add_lower(stack, paths, memory.path(""), 0));
  EXPECT_EQ(stack.format.xino, Xino::On);
  paths.format.uuid = Uuid::Off;
  paths.upper = disk.directory("upper2");
  paths.work = disk.directory("work2");
  LayerStack of_one = must(open_layers(paths));
  EXPECT_NE(refusal(of_one, memory.path("")).find("one file system"), std::string::npos);
}

}  // namespace
}  // namespace overpass::layer
