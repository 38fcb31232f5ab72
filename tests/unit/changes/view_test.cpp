// SPDX-License-Identifier: MIT
//
// Where a view finds a name.

#include "changes/view.h"

#include <gtest/gtest.h>

#include "changed_layers.h"

namespace overpass::unit {
namespace {

class Views : public testing::Test {
 protected:
  /// "LAYER:PATH" of all that is found, the content behind a bar.
  std::string find(const std::string& path) {
    const layer::LayerStack stack = layers.open();
    changes::View view(stack, layer::kUpper);
    const auto found = must(view.find(path));
    std::string text;
    const auto add = [&](const changes::Place& place) {
      text += (text.empty() ? "" : " ") + std::to_string(place.layer) + ":" + place.path;
    };
    for (const changes::Place& place : found.directories) add(place);
    if (found.file) add(*found.file);
    if (found.data && found.data->path != found.file->path) {
      text += " | " + std::to_string(found.data->layer) + ":" + found.data->path;
    }
    return text;
  }

  ChangedLayers layers;
  Scratch& disk = layers.disk;
};

TEST_F(Views, FindTheTopmostFileAndAllMergedDirectories) {
  layers.add_lower("second");
  disk.write("upper/dir/a", "");
  disk.write("lower/dir/a", "");
  disk.write("second/dir/b", "");
  EXPECT_EQ(find("dir"), "0:dir 1:dir 2:dir");
  EXPECT_EQ(find("dir/a"), "0:dir/a");
  EXPECT_EQ(find("dir/b"), "2:dir/b");
  EXPECT_EQ(find("dir/c"), "");
  EXPECT_EQ(find("dir/a/below"), "");
}

TEST_F(Views, EndAtOpaqueDirectoriesAndOtherFiles) {
  layers.add_lower("second");
  disk.write("lower/opaque/a", "");
  layers.mark("lower/opaque", "opaque", "y");
  disk.write("second/opaque/b", "");
  disk.directory("upper/mixed");
  disk.write("lower/mixed", "");
  disk.directory("second/mixed");
  EXPECT_EQ(find("opaque"), "1:opaque");
  EXPECT_EQ(find("opaque/b"), "");
  EXPECT_EQ(find("mixed"), "0:mixed");
}

TEST_F(Views, FindTheContentOfAMetacopyElsewhere) {
  disk.write("lower/old", "1");
  disk.write("upper/new", std::string(1, '\0'));
  layers.mark("upper/new", "metacopy", "");
  layers.mark("upper/new", "redirect", "/old");
  EXPECT_EQ(find("new"), "0:new | 1:old");
}

TEST_F(Views, DoNotLeaveALayerByItsSymbolicLinks) {
  disk.write("outside/secret", "");
  ASSERT_EQ(::symlink(disk.path("outside").c_str(), disk.path("lower/link").c_str()), 0);
  disk.directory("upper/dir");
  layers.mark("upper/dir", "redirect", "/link");
  EXPECT_EQ(find("link/secret"), "");
  EXPECT_EQ(find("dir/secret"), "");
}

TEST_F(Views, NeverShowNamesOfTheFormat) {
  disk.write("lower/.wh.name", "");
  EXPECT_EQ(find(".wh.name"), "");
}

TEST(Paths, HaveAParentAndAName) {
  EXPECT_EQ(changes::parent_of("a/b/c"), "a/b");
  EXPECT_EQ(changes::parent_of("a"), "");
  EXPECT_EQ(changes::name_of("a/b"), "b");
  EXPECT_EQ(changes::name_of("a"), "a");
}

}  // namespace
}  // namespace overpass::unit
