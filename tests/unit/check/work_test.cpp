// SPDX-License-Identifier: MIT
//
// The workdir: leftovers, the mark of a volatile mount, and entries of an index.

#include "check/work.h"

#include <gtest/gtest.h>

#include <bit>

#include "checked_layers.h"
#include "layer/origin.h"

namespace overpass::unit {
namespace {

using namespace std::string_literals;

/// An origin mark that leads nowhere on this machine.
std::string some_origin(char uuid = 'u') {
  const char endianness = std::endian::native == std::endian::big ? '\1' : '\0';
  return "\0\xfb\x1d"s + endianness + "\1"s + std::string(16, uuid) + std::string(8, 'h');
}

class Work : public testing::Test {
 protected:
  CheckedLayers layers;
  Scratch& disk = layers.disk;
};

TEST_F(Work, LosesLeftoversByRepairAndNothingElse) {
  disk.write("work/work/#12/deep/file", "x");
  disk.write("work/work/#13", "x");
  disk.write("work/index/#14", "x");
  disk.write("upper/kept", "x");
  const Lines expected = {"work-leftover work:/work/#12", "work-leftover work:/work/#13",
                          "work-leftover work:/index/#14"};
  EXPECT_EQ(layers.check(), expected);
  EXPECT_EQ(layers.check(true), expected);
  EXPECT_EQ(layers.summary.repaired, 3U);
  EXPECT_TRUE(disk.names("work/work").empty());
  EXPECT_TRUE(disk.names("work/index").empty());
  EXPECT_EQ(disk.read("upper/kept"), "x");
  EXPECT_EQ(layers.check(true), Lines());
}

TEST_F(Work, KeepsObjectsOnWhichOnlyTheUserCanDecide) {
  disk.write("work/mine", "x");
  disk.write("work/work/notes", "x");
  disk.directory("work/work/incompat/volatile/dirty");
  disk.directory("work/work/incompat/later");
  EXPECT_EQ(layers.check(true),
            (Lines{"work-foreign work:/mine", "work-incompatible work:/work/incompat/later",
                   "work-volatile work:/work/incompat/volatile", "work-foreign work:/work/notes"}));
  EXPECT_EQ(layers.summary.repaired, 0U);
  EXPECT_TRUE(disk.exists("work/mine"));
  EXPECT_TRUE(disk.exists("work/work/notes"));
  EXPECT_TRUE(disk.exists("work/work/incompat/volatile/dirty"));
}

TEST_F(Work, LiesBesideTheUpper) {
  layers.paths.work = layers.disk.directory("upper/work");
  EXPECT_THROW(layers.check(true), std::runtime_error);
  layers.paths.work = layers.paths.upper;
  EXPECT_THROW(layers.check(true), std::runtime_error);
}

TEST_F(Work, HasAnIndexOfEntriesWithSoundNames) {
  const std::string name = *layer::index_name_of(some_origin());
  disk.whiteout("work/index/" + name);
  EXPECT_EQ(layers.check(), Lines());
  disk.write("work/index/README", "x");
  disk.write("work/index/" + name.substr(2), "x");
  disk.write("work/index/" + name + "00", "x");
  EXPECT_EQ(layers.check(true), (Lines{"index-name-invalid work:/index/" + name + "00",
                                       "index-name-invalid work:/index/README",
                                       "index-name-invalid work:/index/" + name.substr(2)}));
  EXPECT_TRUE(disk.exists("work/index/README"));
}

TEST_F(Work, HasAnIndexOfEntriesThatMatchTheirNames) {
  const std::string entry = "work/index/" + *layer::index_name_of(some_origin());
  disk.write(entry, "x");
  const std::string shown = entry.substr(4);
  EXPECT_EQ(layers.check(true), (Lines{"index-no-origin work:" + shown}));
  layers.mark(entry, "origin", some_origin('v'));
  EXPECT_EQ(layers.check(true), (Lines{"index-elsewhere work:" + shown}));
  // Of a file system that no lower is on.
  layers.mark(entry, "origin", some_origin());
  EXPECT_EQ(layers.check(true), (Lines{"index-stale work:" + shown}));
  EXPECT_EQ(disk.read(entry), "x");
}

TEST_F(Work, HasAnIndexWhoseDirectoriesAreDeadWithoutAnUpper) {
  const std::string entry = "work/index/" + *layer::index_name_of(some_origin());
  disk.directory(entry);
  EXPECT_EQ(layers.check(true), (Lines{"index-orphan work:" + entry.substr(4)}));
  EXPECT_EQ(layers.summary.repaired, 1U);
  EXPECT_TRUE(disk.names("work/index").empty());
}

TEST_F(Work, KeepsADeadIndexDirectoryThatIsNotEmpty) {
  const std::string entry = "work/index/" + *layer::index_name_of(some_origin());
  disk.write(entry + "/surprise", "x");
  EXPECT_EQ(layers.check(true), (Lines{"index-orphan work:" + entry.substr(4)}));
  EXPECT_EQ(layers.findings[0].repair, check::Repair::Failed);
  EXPECT_EQ(disk.read(entry + "/surprise"), "x");
}

TEST_F(Work, HasAnIndexOfThisUpper) {
  disk.directory("work/index");
  layers.mark("work/index", "upper", "garbage");
  EXPECT_EQ(layers.check(), (Lines{"upper-invalid work:/index"}));
  layers.mark("work/index", "upper", some_origin());
  EXPECT_EQ(layers.check(), (Lines{"index-of-other work:/index"}));
}

TEST_F(Work, MissesTheIndexEntryOfAFileThatWasIndexed) {
  disk.write("upper/file", "x");
  layers.mark("upper/file", "nlink", "U+1");
  EXPECT_EQ(layers.check(true), (Lines{"index-missing /file"}));
}

}  // namespace
}  // namespace overpass::unit
