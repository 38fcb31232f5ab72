// SPDX-License-Identifier: MIT
//
// Redirects and metacopies: where they lead, through how many layers, and every way in which they
// can lead nowhere.

#include <gtest/gtest.h>

#include "check/upper_directory.h"
#include "checked_layers.h"

namespace overpass::unit {
namespace {

using namespace std::string_literals;

class Redirects : public testing::Test {
 protected:
  /// A directory of the upper with the redirect.
  void redirect(const std::string& name, const std::string& to) {
    disk.directory("upper/" + name);
    layers.mark("upper/" + name, "redirect", to);
  }

  /// A metacopy in the upper, as large as "data".
  void metacopy(const std::string& name, const std::string& to = "") {
    disk.write("upper/" + name, "\0\0\0\0"s);
    layers.mark("upper/" + name, "metacopy", "");
    if (!to.empty()) layers.mark("upper/" + name, "redirect", to);
  }

  CheckedLayers layers;
  Scratch& disk = layers.disk;
};

TEST_F(Redirects, LeadToAnotherNameOrFromTheRoot) {
  disk.directory("lower/a/old");
  disk.directory("lower/b/deep/old");
  disk.whiteout("upper/a/old");
  disk.whiteout("upper/b");
  redirect("a/new", "old");
  redirect("c", "/b/deep/old");
  EXPECT_EQ(layers.check(), Lines());
}

TEST_F(Redirects, LeadOnBelowARedirectedDirectory) {
  disk.directory("lower/old/inner");
  disk.whiteout("upper/old");
  redirect("new", "old");
  redirect("new/other", "inner");
  disk.whiteout("upper/new/inner");
  EXPECT_EQ(layers.check(), Lines());
}

TEST_F(Redirects, LeadNowhere) {
  disk.directory("lower/there");
  redirect("relative", "absent");
  redirect("absolute", "/there/absent");
  EXPECT_EQ(layers.check(), (Lines{"redirect-dangling /absolute", "redirect-dangling /relative"}));
  EXPECT_NE(layers.findings[0].detail.find("'/there/absent'"), std::string::npos);
}

TEST_F(Redirects, LeadNowhereWhenTheirTargetIsHiddenInALower) {
  layers.add_lower("lowest");
  disk.whiteout("lower/gone");
  disk.directory("lowest/gone");
  disk.directory("lower/opaque");
  layers.mark("lower/opaque", "opaque", "y");
  disk.directory("lowest/opaque/inner");
  redirect("a", "/gone");
  redirect("b", "/opaque/inner");
  EXPECT_EQ(layers.check(), (Lines{"redirect-dangling /a", "redirect-dangling /b"}));
}

TEST_F(Redirects, LeadToNoDirectory) {
  disk.write("lower/file", "x");
  checked(::symlink("/", disk.path("lower/link").c_str()), "symlink");
  checked(::symlink("file", disk.path("lower/other").c_str()), "symlink");
  redirect("a", "/file");
  redirect("b", "/file/below");
  redirect("c", "/link/etc");
  redirect("d", "other");
  EXPECT_EQ(layers.check(), (Lines{"redirect-not-directory /a", "redirect-not-directory /b",
                                   "redirect-not-directory /c", "redirect-not-directory /d"}));
}

TEST_F(Redirects, LeadOutOfNoLayer) {
  for (const std::string& value : {"/../../etc"s, "/a/../.."s, ".."s, "a/b"s, "/"s, "/a/"s, ""s,
                                   "/a//b"s, "a\0b"s, std::string(256, 'n')}) {
    redirect("dir", value);
    EXPECT_EQ(layers.check(true), (Lines{"redirect-invalid /dir"})) << value;
    EXPECT_EQ(disk.xattr("upper/dir", "user.overlay.redirect"), value);
  }
}

TEST_F(Redirects, ChainThroughLowers) {
  layers.add_lower("lower2");
  layers.add_lower("lower3");
  disk.directory("lower/b");
  layers.mark("lower/b", "redirect", "/c/d");
  disk.directory("lower2/c/d");
  layers.mark("lower2/c", "redirect", "e");
  disk.directory("lower3/e/d");
  disk.whiteout("upper/b");
  disk.whiteout("upper/c");
  disk.whiteout("lower/c");
  redirect("a", "b");
  EXPECT_EQ(layers.check(), Lines());
  // A whiteout that only the last link of the chain gives something to hide.
  disk.write("lower3/e/d/file", "x");
  disk.whiteout("upper/a/file");
  EXPECT_EQ(layers.check(), Lines());
  disk.whiteout("upper/a/nothing");
  EXPECT_EQ(layers.check(), (Lines{"whiteout-unneeded /a/nothing"}));
}

TEST_F(Redirects, EndWhenTheyPointAtEachOther) {
  layers.add_lower("lower2");
  for (const std::string& lower : {"lower/"s, "lower2/"s}) {
    disk.directory(lower + "a");
    disk.directory(lower + "b");
    layers.mark(lower + "a", "redirect", "b");
    layers.mark(lower + "b", "redirect", "/a");
  }
  redirect("a", "b");
  redirect("b", "/a");
  EXPECT_EQ(layers.check(), Lines());
}

TEST_F(Redirects, OfALowerMayBeBroken) {
  layers.add_lower("lower2");
  disk.directory("lower/dir");
  layers.mark("lower/dir", "redirect", "/../x");
  disk.directory("lower2/dir");
  redirect("new", "dir");
  disk.whiteout("upper/new/unknown");
  disk.whiteout("upper/dir");
  EXPECT_EQ(layers.check(true), Lines());
  EXPECT_TRUE(disk.exists("upper/new/unknown"));
}

TEST_F(Redirects, ShareALowerDirectory) {
  disk.directory("lower/old");
  disk.whiteout("upper/old");
  redirect("one", "old");
  redirect("two", "/old");
  EXPECT_EQ(layers.check(), (Lines{"redirect-shared /two"}));
}

TEST_F(Redirects, ShareALowerDirectoryWithItsOwnName) {
  disk.directory("lower/old/inner");
  redirect("new", "old/"s.substr(0, 3));
  EXPECT_EQ(layers.check(), (Lines{"redirect-shared /new"}));
  disk.directory("upper/old");
  EXPECT_EQ(layers.check(), (Lines{"redirect-shared /new"}));
  layers.mark("upper/old", "opaque", "y");
  EXPECT_EQ(layers.check(), Lines());
}

TEST_F(Redirects, AreNotFollowedFromFilesWithDataAndOpaqueDirectories) {
  disk.write("upper/file", "data");
  layers.mark("upper/file", "redirect", "/nowhere");
  disk.directory("lower/dir");
  redirect("dir", "/nowhere");
  layers.mark("upper/dir", "opaque", "y");
  EXPECT_EQ(layers.check(), (Lines{"redirect-unused /dir", "redirect-unused /file"}));
  EXPECT_EQ(layers.summary.faults(), 0U);
}

TEST_F(Redirects, LeadMetacopiesToTheirData) {
  layers.add_lower("lower2");
  disk.write("lower/same", "data");
  disk.write("lower2/old", "data");
  disk.write("lower/chain", "\0\0\0\0"s);
  layers.mark("lower/chain", "metacopy", "");
  layers.mark("lower/chain", "redirect", "/old");
  metacopy("same");
  metacopy("new", "old");
  metacopy("dir/chained", "/chain");
  EXPECT_EQ(layers.check(), Lines());
}

TEST_F(Redirects, LeadMetacopiesIntoDataOnlyLayers) {
  layers.add_data_layer("data1");
  layers.add_data_layer("data2");
  disk.write("data2/objects/1", "data");
  disk.write("data2/file", "data");
  metacopy("one", "/objects/1");
  EXPECT_EQ(layers.check(), Lines());
  // Only by absolute redirects, and never for directories.
  metacopy("file");
  redirect("dir", "/objects");
  EXPECT_EQ(layers.check(), (Lines{"redirect-dangling /dir", "metacopy-no-data /file"}));
}

TEST_F(Redirects, LeadMetacopiesNowhere) {
  disk.directory("lower/directory");
  disk.write("lower/meta", "");
  layers.mark("lower/meta", "metacopy", "");
  metacopy("absent");
  metacopy("directory");
  metacopy("meta");
  metacopy("named", "/nothing/here");
  EXPECT_EQ(layers.check(true), (Lines{"metacopy-no-data /absent", "metacopy-no-data /directory",
                                       "metacopy-no-data /meta", "metacopy-no-data /named"}));
  EXPECT_TRUE(disk.exists("upper/absent"));
}

TEST_F(Redirects, LeadMetacopiesToDataOfAnotherSize) {
  disk.write("lower/file", "longer data");
  metacopy("file");
  EXPECT_EQ(layers.check(), (Lines{"metacopy-size /file"}));
}

TEST_F(Redirects, LeadMetacopiesToDataWithoutTheDigestTheyName) {
  disk.write("lower/file", "data");
  metacopy("file");
  layers.mark("upper/file", "metacopy", "\0\x24\0\1"s + std::string(32, 'd'));
  EXPECT_EQ(layers.check(), (Lines{"metacopy-digest /file"}));
}

TEST_F(Redirects, MakeNoEndlessChainOfMetacopies) {
  constexpr int kLayers = 40;
  for (int i = 2; i <= kLayers; ++i) layers.add_lower("lower" + std::to_string(i));
  for (int i = 1; i <= kLayers; ++i) {
    const std::string name = "lower" + (i == 1 ? "" : std::to_string(i)) + "/file";
    disk.write(name, "\0\0\0\0"s);
    layers.mark(name, "metacopy", "");
    layers.mark(name, "redirect", "/file");
  }
  metacopy("file", "/file");
  EXPECT_EQ(layers.check(), (Lines{"metacopy-no-data /file"}));
  disk.write("lower" + std::to_string(kLayers) + "/file2", "data");
  layers.mark("lower" + std::to_string(kLayers - 1) + "/file", "redirect", "/file2");
  EXPECT_EQ(layers.check(), Lines());
}

}  // namespace
}  // namespace overpass::unit
