// SPDX-License-Identifier: MIT
//
// Directories of a list taken apart into their files.

#include "changes/file_pairs.h"

#include <gtest/gtest.h>

#include "changed_layers.h"

namespace overpass::unit {
namespace {

class FilePairs : public testing::Test {
 protected:
  /// "OLD NEW", "-" where there is none.
  Lines pairs() {
    const layer::LayerStack stack = layers.open();
    const auto list = must(changes::read_list(stack));
    changes::View lowers(stack, layer::kUpper + 1);
    Lines lines;
    for (const changes::FilePair& pair : must(changes::file_pairs(lowers, list))) {
      lines.push_back((pair.before ? pair.old_path : "-") + " " + (pair.after ? pair.path : "-"));
    }
    return lines;
  }

  ChangedLayers layers;
  Scratch& disk = layers.disk;
};

TEST_F(FilePairs, NameEachFileOfADeletedDirectory) {
  disk.write("lower/dir/a", "");
  disk.write("lower/dir/sub/b", "");
  disk.directory("lower/dir/empty");
  disk.whiteout("upper/dir");
  EXPECT_EQ(pairs(), (Lines{"dir/a -", "dir/sub/b -"}));
}

TEST_F(FilePairs, LeaveOutWhatMovedOutOfADeletedDirectory) {
  disk.write("lower/dir/a", "");
  disk.write("lower/dir/sub/b", "");
  disk.whiteout("upper/dir");
  disk.directory("upper/sub");
  layers.mark("upper/sub", "redirect", "/dir/sub");
  EXPECT_EQ(pairs(), (Lines{"dir/a -", "dir/sub/b sub/b"}));
}

TEST_F(FilePairs, NameEachFileOfARenamedDirectoryOnce) {
  for (const char* name : {"same", "changed", "deleted", "sub/deep", "typed"}) {
    disk.write("lower/old/" + std::string(name), "1");
  }
  disk.whiteout("upper/old");
  disk.write("upper/new/changed", "2");
  disk.whiteout("upper/new/deleted");
  disk.directory("upper/new/sub", 0700);
  ASSERT_EQ(::symlink("x", disk.path("upper/new/typed").c_str()), 0);
  layers.mark("upper/new", "redirect", "old");
  EXPECT_EQ(pairs(), (Lines{"old/deleted -", "old/typed -", "old/changed new/changed",
                            "old/same new/same", "old/sub/deep new/sub/deep", "- new/typed"}));
}

TEST_F(FilePairs, SplitADirectoryThatBecameAFile) {
  disk.write("lower/x/a", "");
  disk.write("upper/x", "");
  disk.write("lower/y", "");
  disk.write("upper/y/b", "");
  EXPECT_EQ(pairs(), (Lines{"x/a -", "y -", "- x", "- y/b"}));
}

}  // namespace
}  // namespace overpass::unit
