// SPDX-License-Identifier: MIT

#include "layer/kept_base.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "../sys/scratch.h"
#include "layer/bases_of_layers.h"
#include "sys/stat.h"

namespace overpass::layer {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

class KeptBase : public testing::Test {
 protected:
  KeptBase() : bases(must(open_bases(disk.directory("home")))) {}

  BaseStamp stamp(const std::string& name) const {
    return stamp_of(must(sys::stat_anew({disk.open(), name.c_str()})));
  }

  Result<void> keep(const std::string& name, const BaseStamp& as) const {
    return keep_base(bases, as, disk.open(name));
  }

  /// The only file in the directory of bases.
  std::string only_name() const {
    const auto names = disk.names("home/bases");
    EXPECT_EQ(names.size(), 1U);
    return "home/bases/" + names.front();
  }

  Scratch disk;
  UniqueFd bases;
};

TEST_F(KeptBase, IsReadAsItWas) {
  for (const std::string& text : {std::string("one\ntwo\n"), std::string(), std::string("a\0b", 3),
                                  std::string(kLargestBase, 'x')}) {
    disk.write("file", text);
    const BaseStamp was = stamp("file");
    must(keep("file", was));
    disk.write("file", "other");
    EXPECT_EQ(must(read_base(bases, was)), text);
    EXPECT_EQ(error_of(read_base(bases, stamp("file"))), ENOENT);
    remove_base(bases, was);
    EXPECT_EQ(error_of(read_base(bases, was)), ENOENT);
  }
  EXPECT_TRUE(disk.names("home/bases").empty());
}

TEST_F(KeptBase, TheModeOfTheStampMayBeShownOtherwise) {
  disk.write("file", "text");
  BaseStamp was = stamp("file");
  was.mode = S_IFREG | 0123;
  must(keep("file", was));
  EXPECT_EQ(must(read_base(bases, was)), "text");
}

TEST_F(KeptBase, NothingIsKeptOfWhatIsSomethingElseByNow) {
  disk.write("file", "text");
  const BaseStamp was = stamp("file");
  disk.write("file", "later, and longer");
  EXPECT_EQ(error_of(keep("file", was)), ESTALE);
  BaseStamp other = stamp("file");
  ++other.ino;
  EXPECT_EQ(error_of(keep("file", other)), ESTALE);
  EXPECT_TRUE(disk.names("home/bases").empty());
}

TEST_F(KeptBase, LargeFilesAndOtherKindsHaveNone) {
  disk.write("large", std::string(kLargestBase + 1, 'x'));
  EXPECT_FALSE(has_base(stamp("large")));
  EXPECT_EQ(error_of(keep("large", stamp("large"))), EFBIG);
  EXPECT_EQ(error_of(read_base(bases, stamp("large"))), ENOENT);
  disk.directory("directory");
  EXPECT_FALSE(has_base(stamp("directory")));
  EXPECT_TRUE(disk.names("home/bases").empty());
}

/// What a crash may leave, since nothing is synced.
TEST_F(KeptBase, WhatIsNotWholeIsNone) {
  const std::string text = "one\ntwo\nthree\n";
  disk.write("file", text);
  const BaseStamp was = stamp("file");
  must(keep("file", was));
  const std::string name = only_name();
  const std::string whole = disk.read(name);
  for (size_t length = 0; length < whole.size(); ++length) {
    disk.write(name, whole.substr(0, length));
    EXPECT_EQ(error_of(read_base(bases, was)), EBADMSG) << length;
    // The end of the file is there, but not all of its blocks.
    disk.write(name, whole.substr(0, length) + std::string(whole.size() - length, '\0'));
    EXPECT_EQ(error_of(read_base(bases, was)), EBADMSG) << length;
  }
  disk.write(name, whole + "x");
  EXPECT_EQ(error_of(read_base(bases, was)), EBADMSG);
  disk.write(name, whole);
  EXPECT_EQ(must(read_base(bases, was)), text);
  // One that is kept again replaces what a crash has left.
  disk.write(name, "");
  must(keep("file", was));
  EXPECT_EQ(must(read_base(bases, was)), text);
}

TEST_F(KeptBase, OfSeveralLayersTheFirstWholeOneCounts) {
  disk.write("file", "text");
  const BaseStamp was = stamp("file");
  const std::string upper = disk.directory("home"), layer = disk.directory("layer");
  const std::vector<std::string> homes = {disk.directory("none"), upper, layer};
  EXPECT_EQ(error_of(find_base(homes, was)), ENOENT);
  must(keep_base(must(open_bases(layer)), was, disk.open("file")));
  must(keep("file", was));
  disk.write(only_name(), "cut");
  EXPECT_EQ(must(find_base(homes, was)), "text");
}

TEST_F(KeptBase, LayersThatAreJoinedJoinTheirs) {
  disk.write("one", "one");
  disk.write("two", "two");
  must(keep("one", stamp("one")));
  const std::string layer = disk.directory("layer"), joined = disk.directory("joined");
  must(keep_base(must(open_bases(layer)), stamp("two"), disk.open("two")));
  must(join_bases({disk.path("home"), layer, disk.directory("none")}, joined));
  must(join_bases({disk.path("home"), layer}, joined));
  std::filesystem::remove_all(layer);
  EXPECT_EQ(must(find_base({joined}, stamp("one"))), "one");
  EXPECT_EQ(must(find_base({joined}, stamp("two"))), "two");
  const std::string none = disk.directory("without");
  must(join_bases({disk.path("none")}, none));
  EXPECT_TRUE(disk.names("without").empty());
}

TEST_F(KeptBase, FollowsAStampWhoseCtimeAloneIsNew) {
  disk.write("file", "text");
  const BaseStamp was = stamp("file");
  must(keep("file", was));
  BaseStamp renewed = was, changed = was;
  ++renewed.ctime_seconds;
  ++changed.mtime_seconds;
  follow_stamps({disk.path("home")}, {{"file", was}}, {{"file", renewed}});
  follow_stamps({disk.path("home")}, {{"file", was}}, {{"file", changed}, {"other", renewed}});
  EXPECT_EQ(must(read_base(bases, renewed)), "text");
  EXPECT_EQ(error_of(read_base(bases, changed)), ENOENT);
}

TEST_F(KeptBase, FilesOfADirectoryAreKeptByTheirStamps) {
  disk.write("lower/a/file", "text");
  disk.write("lower/other", "text");
  std::filesystem::create_symlink("file", disk.path("lower/a/link"));
  const BaseStamp was = stamp("lower/a/file"), other = stamp("lower/other");
  BaseStamp wrong = other;
  ++wrong.mtime_seconds;
  keep_bases(disk.path("home"), disk.path("lower"),
             {{"a/file", was}, {"a/link", other}, {"gone", other}, {"other", wrong}});
  EXPECT_EQ(must(read_base(bases, was)), "text");
  EXPECT_EQ(disk.names("home/bases").size(), 1U);
}

}  // namespace
}  // namespace overpass::layer
