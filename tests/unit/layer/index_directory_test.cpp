// SPDX-License-Identifier: MIT
//
// The index at mount: bound to its upper and lower, and rid of what crashes left.

#include "layer/index_directory.h"

#include <gtest/gtest.h>

#include "../sys/scratch.h"
#include "layer/open_layers.h"
#include "layer/origin.h"
#include "sys/open.h"

namespace overpass::layer {
namespace {

using unit::must;
using unit::Scratch;

using Names = std::vector<std::string>;

class IndexDirectory : public testing::Test {
 protected:
  IndexDirectory() {
    for (const char* name : {"lower", "other", "upper", "copy", "work", "mountpoint"}) {
      disk.directory(name);
    }
    disk.write("lower/file", "content");
    paths.lower = {disk.path("lower")};
    paths.upper = disk.path("upper");
    paths.work = disk.path("work");
    paths.mountpoint = disk.path("mountpoint");
    paths.format.index = true;
  }

  LayerStack open() { return must(open_layers(paths)); }

  std::string refusal() {
    auto stack = open_layers(paths);
    return stack ? "it was not refused" : stack.error().line();
  }

  /// An entry as it is for the lower file: a file with a link count mark.
  std::string entry(const std::string& nlink) {
    const LayerStack stack = open();
    const UniqueFd file = disk.open("lower/file");
    const std::string name =
        index_name_of(must(encode_origin(stack.layers[1], sys::place_of(file)))).value();
    disk.write("work/index/" + name, "content");
    disk.set_xattr("work/index/" + name, "trusted.overlay.nlink", nlink);
    return name;
  }

  Names entries_after_mount() {
    (void)open();
    return disk.names("work/index");
  }

  Scratch disk;
  LayerPaths paths;
};

TEST_F(IndexDirectory, IsMadeAndMarkedOnce) {
  const std::string origin = [&] {
    EXPECT_TRUE(open().index);
    return disk.xattr("upper", "trusted.overlay.origin");
  }();
  const std::string upper = disk.xattr("work/index", "trusted.overlay.upper");
  EXPECT_TRUE(decode_origin(origin));
  EXPECT_TRUE(decode_origin(upper));
  EXPECT_NE(origin, upper);
  EXPECT_TRUE(open().index);
  EXPECT_EQ(disk.xattr("upper", "trusted.overlay.origin"), origin);
  EXPECT_EQ(disk.xattr("work/index", "trusted.overlay.upper"), upper);
}

TEST_F(IndexDirectory, IsNotMadeUnlessChosen) {
  paths.format.index = false;
  EXPECT_FALSE(open().index);
  EXPECT_FALSE(disk.exists("work/index"));
  EXPECT_EQ(disk.xattr("upper", "trusted.overlay.origin"), "-");
}

TEST_F(IndexDirectory, BelongsToItsTopmostLower) {
  (void)open();
  paths.lower = {disk.path("other")};
  EXPECT_NE(refusal().find("another lowerdir"), std::string::npos) << refusal();
  paths.lower = {disk.path("lower"), disk.path("other")};
  EXPECT_TRUE(open().index);
}

TEST_F(IndexDirectory, BelongsToItsUpper) {
  (void)open();
  paths.upper = disk.path("copy");
  EXPECT_NE(refusal().find("another upperdir"), std::string::npos) << refusal();
  EXPECT_EQ(disk.xattr("copy", "trusted.overlay.origin"), "-") << "a refusal has marked it";
}

TEST_F(IndexDirectory, KnowsTheMarkOfOldKernels) {
  std::string upper;
  {
    const LayerStack stack = open();
    upper = must(encode_origin(stack.upper(), sys::place_of(stack.upper_lock)));
  }
  disk.set_xattr("work/index", "trusted.overlay.origin", upper);
  EXPECT_TRUE(open().index);
  disk.set_xattr("work/index", "trusted.overlay.origin", upper + "x");
  EXPECT_NE(refusal().find("another upperdir"), std::string::npos) << refusal();
}

TEST_F(IndexDirectory, IsRidOfTemporariesOnly) {
  (void)open();
  disk.write("work/index/#7", "half a copy");
  disk.write("work/index/#8/deep/file", "");
  disk.write("work/index/stranger", "");
  disk.whiteout("work/index/whiteout");
  EXPECT_EQ(entries_after_mount(), (Names{"stranger", "whiteout"}));
}

TEST_F(IndexDirectory, LosesAnEntryWithoutNames) {
  (void)entry("U-1");
  EXPECT_EQ(entries_after_mount(), Names());
}

TEST_F(IndexDirectory, LosesAnEntryOfAFileThatHasOneNameByNow) {
  (void)entry("U+0");
  EXPECT_EQ(entries_after_mount(), Names());
  const std::string name = entry("L+0");
  EXPECT_EQ(entries_after_mount(), (Names{name})) << "overlayfs trusts marks of the upper only";
}

TEST_F(IndexDirectory, KeepsEntriesThatMayHaveNames) {
  std::filesystem::create_hard_link(disk.path("lower/file"), disk.path("lower/other"));
  for (const char* nlink : {"U+0", "L-1", "L+0", "U-2", "nonsense"}) {
    const std::string name = entry(nlink);
    EXPECT_EQ(entries_after_mount(), (Names{name})) << nlink;
  }
  const std::string name = entry("U-1");
  std::filesystem::create_hard_link(disk.path("work/index/" + name), disk.path("upper/name"));
  EXPECT_EQ(entries_after_mount(), (Names{name})) << "another link";
}

TEST_F(IndexDirectory, IsNoFile) {
  disk.write("work/index", "");
  EXPECT_NE(refusal().find("the index in the workdir cannot be used"), std::string::npos);
  EXPECT_EQ(disk.xattr("upper", "trusted.overlay.origin"), "-");
}

}  // namespace
}  // namespace overpass::layer
