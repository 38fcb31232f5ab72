// SPDX-License-Identifier: MIT
//
// The walk: what a sound upper looks like, whiteouts, names and marks that are not of this mount.

#include "check/upper.h"

#include <gtest/gtest.h>
#include <sys/file.h>

#include "checked_layers.h"

namespace overpass::unit {
namespace {

using check::Repair;

class Upper : public testing::Test {
 protected:
  CheckedLayers layers;
  Scratch& disk = layers.disk;
};

TEST_F(Upper, IsSoundWhenItIsEmpty) {
  EXPECT_EQ(layers.check(), Lines());
  EXPECT_EQ(layers.summary.faults(), 0U);
  EXPECT_TRUE(layers.summary.is_complete);
}

TEST_F(Upper, IsSoundWithEverythingThatOverlaysWrite) {
  disk.write("lower/gone", "x");
  disk.write("lower/dir/inside", "x");
  disk.write("lower/again/old", "x");
  disk.write("lower/moved/file", "x");
  disk.write("upper/new", "x");
  disk.whiteout("upper/gone");
  disk.whiteout("upper/dir/inside");
  disk.directory("upper/again");
  layers.mark("upper/again", "opaque", "y");
  disk.whiteout("upper/moved");
  disk.directory("upper/there");
  layers.mark("upper/there", "redirect", "moved");
  disk.whiteout("upper/there/file");
  layers.mark("upper/dir", "origin", "");
  layers.mark("upper", "impure", "y");
  layers.mark("upper", "uuid", "0123456789abcdef");
  layers.mark("upper/new", "protattr", "ai");
  disk.directory("work/work");
  disk.whiteout("work/work/#1");
  disk.whiteout("work/work/whiteout");
  EXPECT_EQ(layers.check(), Lines());
  EXPECT_EQ(layers.summary.names, 10U);
}

TEST_F(Upper, MayBeDeeperThanPathsAndDescriptorsReach) {
  constexpr int kLevels = 3000;
  std::string path;
  for (const char* layer : {"upper", "lower"}) {
    path.clear();
    UniqueFd at = disk.open(layer, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < kLevels; ++i) {
      checked(::mkdirat(raw(at), "directory", 0755), "mkdirat");
      at = UniqueFd(checked(::openat(raw(at), "directory", O_RDONLY | O_DIRECTORY), "openat"));
      path += "/directory";
      // Siblings, to be come back to from the depth.
      if (i % 1000 == 0) checked(::mkdirat(raw(at), "beside", 0755), "mkdirat");
    }
    if (layer == std::string("upper")) {
      checked(::mknodat(raw(at), "useless", S_IFCHR, 0), "mknodat");
    } else {
      checked(::mkdirat(raw(at), "other", 0755), "mkdirat");
    }
  }
  EXPECT_EQ(layers.check(), Lines{"whiteout-unneeded " + path + "/useless"});
  EXPECT_EQ(layers.summary.names, kLevels + 3U + 1U);
}

TEST_F(Upper, IsLeftAsItWasByACheck) {
  disk.whiteout("upper/useless");
  disk.write("work/work/#5", "x");
  const auto upper = disk.stat("upper");
  EXPECT_EQ(layers.check(), (Lines{"work-leftover work:/work/#5", "whiteout-unneeded /useless"}));
  EXPECT_EQ(layers.findings[0].repair, Repair::Possible);
  EXPECT_TRUE(disk.exists("upper/useless"));
  EXPECT_TRUE(disk.exists("work/work/#5"));
  EXPECT_EQ(disk.stat("upper").st_ctim.tv_nsec, upper.st_ctim.tv_nsec);
}

TEST_F(Upper, LosesWhiteoutsThatHideNothingByRepair) {
  disk.write("lower/needed", "x");
  disk.directory("lower/dir");
  disk.whiteout("upper/needed");
  disk.whiteout("upper/useless");
  disk.whiteout("upper/dir/useless");
  disk.directory("upper/hiding");
  layers.mark("upper/hiding", "opaque", "y");
  disk.write("lower/hiding/below", "x");
  disk.whiteout("upper/hiding/below");
  const Lines expected = {"whiteout-unneeded /useless", "whiteout-unneeded /dir/useless",
                          "whiteout-in-opaque /hiding/below"};
  EXPECT_EQ(layers.check(true), expected);
  EXPECT_EQ(layers.summary.repaired, 3U);
  EXPECT_EQ(layers.summary.faults(), 0U);
  EXPECT_EQ(disk.names("upper"), (Lines{"dir", "hiding", "needed"}));
  EXPECT_TRUE(disk.names("upper/dir").empty());
  EXPECT_TRUE(disk.names("upper/hiding").empty());
  EXPECT_EQ(layers.check(), Lines());
}

TEST_F(Upper, KeepsWhiteoutsOfNamesThatALowerHasInAnyForm) {
  layers.add_lower("lowest");
  disk.whiteout("lower/hidden_there_too");
  disk.write("lowest/hidden_there_too", "x");
  disk.whiteout("upper/hidden_there_too");
  EXPECT_EQ(layers.check(true), Lines());
  EXPECT_TRUE(disk.is_whiteout("upper/hidden_there_too"));
}

TEST_F(Upper, KeepsWhiteoutsBelowARedirectThatLeadsNowhere) {
  disk.directory("upper/dir/sub");
  layers.mark("upper/dir", "redirect", "/absent");
  disk.whiteout("upper/dir/unknown");
  disk.whiteout("upper/dir/sub/unknown");
  EXPECT_EQ(layers.check(true), (Lines{"redirect-dangling /dir"}));
  EXPECT_TRUE(disk.is_whiteout("upper/dir/unknown"));
  EXPECT_TRUE(disk.is_whiteout("upper/dir/sub/unknown"));
}

TEST_F(Upper, KeepsFilesOverNothingAndOverLowerOnes) {
  disk.write("lower/file", "x");
  disk.directory("lower/was_directory");
  disk.write("upper/file", "y");
  disk.write("upper/was_directory", "y");
  disk.write("upper/new", "y");
  EXPECT_EQ(layers.check(true), Lines());
}

TEST_F(Upper, MayHaveWhiteoutsByAttribute) {
  disk.write("lower/dir/gone", "x");
  disk.write("upper/dir/gone", "");
  layers.mark("upper/dir", "opaque", "x");
  layers.mark("upper/dir/gone", "whiteout", "");
  EXPECT_EQ(layers.check(), Lines());
  disk.write("upper/dir/useless", "");
  layers.mark("upper/dir/useless", "whiteout", "");
  EXPECT_EQ(layers.check(true), (Lines{"whiteout-unneeded /dir/useless"}));
  EXPECT_FALSE(disk.exists("upper/dir/useless"));
}

TEST_F(Upper, CannotHaveThemElsewhereNorWithContent) {
  disk.write("upper/plain/a", "");
  layers.mark("upper/plain/a", "whiteout", "");
  disk.write("upper/x/full", "content");
  layers.mark("upper/x", "opaque", "x");
  layers.mark("upper/x/full", "whiteout", "");
  disk.directory("upper/x/dir");
  layers.mark("upper/x/dir", "whiteout", "");
  EXPECT_EQ(layers.check(true),
            (Lines{"whiteout-mark-unused /plain/a", "whiteout-mark-unused /x/dir",
                   "whiteout-mark-unused /x/full"}));
  EXPECT_EQ(disk.read("upper/x/full"), "content");
}

TEST_F(Upper, HasFormsThatOnlyFuseOverlayfsWrites) {
  disk.write("upper/.wh.gone", "");
  disk.write("upper/dir/.wh..wh..opq", "");
  disk.set_xattr("upper/dir", "user.fuseoverlayfs.opaque", "y");
  EXPECT_EQ(layers.check(), (Lines{"whiteout-name /.wh.gone", "mark-foreign /dir",
                                   "whiteout-name /dir/.wh..wh..opq"}));
}

TEST_F(Upper, NotesAnOpaqueMarkThatHidesNothing) {
  disk.write("lower/file", "x");
  disk.directory("upper/new");
  layers.mark("upper/new", "opaque", "y");
  disk.directory("upper/file");
  layers.mark("upper/file", "opaque", "y");
  EXPECT_EQ(layers.check(), (Lines{"opaque-unneeded /new"}));
  EXPECT_EQ(layers.summary.faults(), 0U);
}

TEST_F(Upper, IsWalkedHoweverDeepItIs) {
  // Longer than PATH_MAX, which no single path can name.
  const std::string name(200, 'd');
  std::string shown;
  UniqueFd at = disk.open("upper");
  for (int i = 0; i < 30; ++i) {
    checked(::mkdirat(raw(at.get()), name.c_str(), 0755), "mkdirat");
    at = UniqueFd(checked(::openat(raw(at.get()), name.c_str(), O_RDONLY), "openat"));
    shown += "/" + name;
  }
  checked(::mknodat(raw(at.get()), "useless", S_IFCHR, 0), "mknodat");
  EXPECT_EQ(layers.check(true), (Lines{"whiteout-unneeded " + shown + "/useless"}));
  EXPECT_EQ(layers.summary.repaired, 1U);
}

TEST_F(Upper, StopsOnRequest) {
  disk.whiteout("upper/a");
  disk.whiteout("upper/b");
  layers.should_stop = true;
  EXPECT_EQ(layers.check(true), Lines());
  EXPECT_FALSE(layers.summary.is_complete);
  EXPECT_TRUE(disk.exists("upper/a"));
}

TEST_F(Upper, IsRefusedWhileAnotherMountUsesIt) {
  const UniqueFd lock = disk.open("upper");
  ASSERT_EQ(::flock(raw(lock.get()), LOCK_EX | LOCK_NB), 0);
  EXPECT_THROW(layers.check(), std::runtime_error);
}

TEST_F(Upper, IsRefusedWhileAnotherMountUsesTheWorkdir) {
  const UniqueFd lock = disk.open("work");
  ASSERT_EQ(::flock(raw(lock.get()), LOCK_EX | LOCK_NB), 0);
  EXPECT_THROW(layers.check(), std::runtime_error);
}

}  // namespace
}  // namespace overpass::unit
