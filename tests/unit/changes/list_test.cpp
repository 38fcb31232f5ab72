// SPDX-License-Identifier: MIT
//
// What counts as a change, by every mark and every form of a whiteout that a layer may have.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "changed_layers.h"

namespace overpass::unit {
namespace {

class Changes : public testing::Test {
 protected:
  ChangedLayers layers;
  Scratch& disk = layers.disk;
};

TEST_F(Changes, AreNoneInAnEmptyUpper) {
  disk.write("lower/a", "1");
  EXPECT_EQ(layers.changes(), Lines());
}

TEST_F(Changes, AreNoCopiesThatEqualTheLower) {
  disk.write("lower/dir/file", "1");
  disk.write("upper/dir/file", "1");
  layers.mark("upper/dir/file", "origin", "x");
  layers.mark("upper/dir", "impure", "y");
  EXPECT_EQ(layers.changes(), Lines());
}

TEST_F(Changes, SayWhatDiffers) {
  disk.write("lower/content", "1");
  disk.write("upper/content", "2");
  disk.write("lower/mode", "1");
  disk.write("upper/mode", "1", 0600);
  disk.write("lower/xattrs", "1");
  disk.write("upper/xattrs", "1");
  disk.set_xattr("upper/xattrs", "user.mine", "x");
  disk.directory("lower/dir");
  disk.directory("upper/dir", 0700);
  EXPECT_EQ(layers.changes(),
            (Lines{"M content content", "M dir mode", "M mode mode", "M xattrs xattrs"}));
}

TEST_F(Changes, CompareBlocksBehindTheFirst) {
  const std::string large(200'000, 'x');
  disk.write("lower/a", large);
  disk.write("upper/a", large.substr(1) + "y");
  disk.write("lower/b", large);
  disk.write("upper/b", large);
  EXPECT_EQ(layers.changes(), (Lines{"M a content"}));
}

TEST_F(Changes, TakeEveryFormOfAWhiteout) {
  for (const char* name : {"device", "named", "marked"})
    disk.write("lower/" + std::string(name), "1");
  disk.whiteout("upper/device");
  disk.write("upper/.wh.named", "");
  disk.write("upper/marked", "");
  layers.mark("upper/marked", "whiteout", "y");
  layers.mark("upper", "opaque", "x");
  EXPECT_EQ(layers.changes(), (Lines{"D device", "D marked", "D named"}));
}

TEST_F(Changes, AreNoWhiteoutsOfWhatNoLowerShows) {
  disk.whiteout("upper/never");
  disk.write("upper/.wh.never-either", "");
  layers.add_lower("second");
  disk.write("second/hidden", "1");
  disk.whiteout("lower/hidden");
  disk.whiteout("upper/hidden");
  EXPECT_EQ(layers.changes(), Lines());
}

TEST_F(Changes, ExpandOpaqueDirectories) {
  for (const char* name : {"a/gone", "a/kept", "a/changed", "a/sub/deep", "a/below/x"}) {
    disk.write("lower/" + std::string(name), "1");
  }
  disk.write("upper/a/kept", "1");
  disk.write("upper/a/changed", "2");
  disk.directory("upper/a/below");
  layers.mark("upper/a", "opaque", "y");
  EXPECT_EQ(layers.changes(), (Lines{"D a/below/x", "D a/gone", "D a/sub", "M a/changed content"}));
}

TEST_F(Changes, TakeFuseOverlayfsFormsOfOpaqueDirectories) {
  disk.write("lower/file/gone", "1");
  disk.write("upper/file/.wh..wh..opq", "");
  disk.write("lower/mark/gone", "1");
  disk.directory("upper/mark");
  disk.set_xattr("upper/mark", "user.fuseoverlayfs.opaque", "y");
  EXPECT_EQ(layers.changes(), (Lines{"D file/gone", "D mark/gone"}));
}

TEST_F(Changes, OfTypeStandForAllThatWasBelow) {
  disk.write("lower/to-file/x", "1");
  disk.write("upper/to-file", "2");
  disk.write("lower/to-directory", "1");
  disk.write("upper/to-directory/new", "2");
  EXPECT_EQ(layers.changes(), (Lines{"T to-directory", "A to-directory/new", "T to-file"}));
}

TEST_F(Changes, FollowRelativeAndAbsoluteRedirects) {
  disk.write("lower/dir/old/file", "1");
  disk.whiteout("upper/dir/old");
  disk.write("upper/dir/new/file", "2");
  layers.mark("upper/dir/new", "redirect", "old");
  disk.write("lower/far/away/x", "1");
  disk.whiteout("upper/far/away");
  disk.directory("upper/here");
  layers.mark("upper/here", "redirect", "/far/away");
  EXPECT_EQ(layers.changes(),
            (Lines{"R dir/new from dir/old", "M dir/new/file content", "R here from far/away"}));
}

TEST_F(Changes, GoThroughRedirectsOfALowerByThePathThatItShows) {
  layers.add_lower("second");
  disk.write("second/x/sub/file", "1");
  disk.directory("lower/d");
  layers.mark("lower/d", "redirect", "/x");
  disk.whiteout("lower/x");
  disk.directory("upper/e");
  layers.mark("upper/e", "redirect", "/d/sub");
  disk.directory("upper/d");
  disk.whiteout("upper/d/sub");
  EXPECT_EQ(layers.changes(), (Lines{"R e from d/sub"}));
}

TEST_F(Changes, OfMetacopiesAreOfMetadata) {
  layers.add_data_layer("data");
  disk.write("data/blob", "12345");
  disk.write("lower/a", "12345");
  disk.write("upper/a", std::string(5, '\0'), 0600);
  layers.mark("upper/a", "metacopy", "");
  disk.write("lower/b", "12345");
  disk.write("upper/b", std::string(5, '\0'));
  layers.mark("upper/b", "metacopy", "");
  layers.mark("upper/b", "redirect", "/blob");
  EXPECT_EQ(layers.changes(), (Lines{"M a mode"}));
}

TEST_F(Changes, ReadOwnersThatAreKeptInAttributes) {
  disk.set_xattr("upper", "user.containers.override_stat", "0:0:755");
  disk.write("lower/a", "1");
  disk.write("upper/a", "1", 0600);
  const struct stat own = disk.stat("lower/a");
  const std::string ids = std::to_string(own.st_uid) + ":" + std::to_string(own.st_gid);
  disk.set_xattr("upper/a", "user.containers.override_stat", ids + ":644");
  disk.write("lower/b", "1");
  disk.write("upper/b", "1", 0600);
  disk.set_xattr("upper/b", "user.containers.override_stat", "7:7:644");
  EXPECT_EQ(layers.changes(), (Lines{"M b owner"}));
}

TEST_F(Changes, ThatCannotBeReadAreTold) {
  disk.write("lower/a", "1");
  disk.directory("upper/dir");
  layers.mark("upper/dir", "redirect", "../outside");
  disk.write("upper/b", "2");
  EXPECT_EQ(layers.changes(), (Lines{"A b", "! dir"}));
}

TEST_F(Changes, CanBeStopped) {
  disk.write("upper/a", "1");
  const layer::LayerStack stack = layers.open();
  const auto list = changes::read_list(stack, {.is_stopped = [] { return true; }});
  EXPECT_TRUE(list.failed_with(ECANCELED));
}

TEST_F(Changes, AreJoinedToRenamesByContentOnRequest) {
  disk.write("lower/old", "bytes");
  disk.whiteout("upper/old");
  disk.write("upper/new", "bytes", 0600);
  EXPECT_EQ(layers.changes(), (Lines{"D old", "A new"}));
  EXPECT_EQ(layers.changes({.find_renames = true}), (Lines{"R new from old mode"}));
}

TEST_F(Changes, AreCountedByKind) {
  disk.write("lower/a", "1");
  disk.whiteout("upper/a");
  disk.write("upper/b", "1");
  disk.write("upper/c", "1");
  const layer::LayerStack stack = layers.open();
  const auto list = must(changes::read_list(stack));
  EXPECT_EQ(list.count(changes::Kind::Deleted), 1u);
  EXPECT_EQ(list.count(changes::Kind::Added), 2u);
  EXPECT_EQ(list.count(changes::Kind::Renamed), 0u);
}

}  // namespace
}  // namespace overpass::unit
