// SPDX-License-Identifier: MIT
//
// What does not make sense together.
//
// Options' names turned into keys.

#include "config/validate.h"

#include <gtest/gtest.h>

namespace overpass::config {

namespace {

Options good() {
  Options options;
  options.lower = {"/a"};
  options.mountpoint = "/m";
  return options;
}

std::string line_of(const Options& options) {
  const auto checked = validate(options);
  return checked ? "" : checked.error().line();
}

TEST(Validate, TakesAReadOnlyAndAWritableUnion) {
  Options options = good();
  EXPECT_EQ(line_of(options), "");
  options.upper = "/u";
  options.work = "/w";
  EXPECT_EQ(line_of(options), "");
}

TEST(Validate, WantsNoOpenOnlyWhereNothingIsWrittenOrPassedThrough) {
  Options options = good();
  options.opens = Opens::None;
  EXPECT_EQ(line_of(options), "");
  options.upper = "/u";
  options.work = "/w";
  EXPECT_EQ(line_of(options),
            "open=none needs a read-only mount (add ro, or leave the upper directory out)");
  options.read_only = true;
  EXPECT_EQ(line_of(options), "");
  options.rules.emplace_back();
  EXPECT_EQ(line_of(options),
            "open=none and rules exclude each other (leave open=none out: rules decide what may be "
            "opened)");
  options.rules.clear();
  options.passthrough = Switch::On;
  EXPECT_EQ(line_of(options),
            "open=none and passthrough=on exclude each other (leave one of them out: a file is "
            "passed through when it is opened)");
}

TEST(Validate, WantsOpensWhereChangesOfLowersAreNoticed) {
  Options options = good();
  options.opens = Opens::None;
  for (const LowerChanges value : {LowerChanges::Refuse, LowerChanges::Follow}) {
    options.lower_changes = value;
    EXPECT_EQ(
        line_of(options),
        "open=none needs lower_changes=warn (leave one of them out: changes are noticed when a "
        "file is opened)");
  }
  options.lower_changes = LowerChanges::Warn;
  EXPECT_EQ(line_of(options), "");
}

TEST(Validate, WantsNoIndexWhereOwnersAreInAttributes) {
  Options options = good();
  options.xattr_permissions = layer::StatOverride::User;
  EXPECT_EQ(line_of(options), "");
  options.format.index = true;
  EXPECT_EQ(line_of(options),
            "xattr_permissions and index=on or nfs_export=on exclude each other (leave index and "
            "nfs_export out)");
}

TEST(Validate, NeedsALower) {
  Options options = good();
  options.lower.clear();
  EXPECT_EQ(line_of(options), "no lower directory is given (add --lower DIR or -o lowerdir=DIR)");
}

TEST(Validate, TakesFiveHundredLowersAndNoMore) {
  Options options = good();
  options.lower.assign(500, "/a");
  EXPECT_EQ(line_of(options), "");
  options.lower.emplace_back("/b");
  EXPECT_EQ(line_of(options), "501 lower directories are given (the limit is 500)");
}

TEST(Validate, CountsDataOnlyDirectoriesAsLowers) {
  Options options = good();
  options.lower.assign(400, "/a");
  options.data_only.assign(100, "/d");
  EXPECT_EQ(line_of(options), "");
  options.data_only.emplace_back("/e");
  EXPECT_EQ(line_of(options), "501 lower and data-only directories are given (the limit is 500)");
}

TEST(Validate, NeedsALowerAboveDataOnlyOnes) {
  Options options = good();
  options.lower.clear();
  options.data_only = {"/d"};
  EXPECT_EQ(line_of(options), "no lower directory is given (add --lower DIR or -o lowerdir=DIR)");
}

TEST(Validate, NeedsAMountpoint) {
  Options options = good();
  options.mountpoint.clear();
  EXPECT_EQ(line_of(options), "no mountpoint is given (name a directory as the last argument)");
}

TEST(Validate, NeedsUpperAndWorkdirTogether) {
  Options options = good();
  options.upper = "/u";
  EXPECT_EQ(line_of(options),
            "an upper directory needs a workdir (add --work DIR, an empty directory on the file "
            "system of the upper)");
  options.upper.reset();
  options.work = "/w";
  EXPECT_EQ(line_of(options),
            "a workdir is of use only with an upper directory (add --upper DIR, or leave the "
            "workdir out for a read-only union)");
  options.upper = "/w";
  EXPECT_EQ(line_of(options),
            "upper directory and workdir are the same: '/w' (use a directory beside the upper as "
            "the workdir)");
}

TEST(Validate, TakesNamesOfTheGreatestLength) {
  Options options = good();
  options.lower = {"/" + std::string(255, 'x') + "/b"};
  options.mountpoint = "/" + std::string(255, 'm');
  EXPECT_EQ(line_of(options), "");
}

TEST(Validate, RefusesNamesAndPathsThatTheKernelRefuses) {
  const std::string name = "/a/" + std::string(256, 'x') + "/b";
  std::string path;
  while (path.size() < 4096) path += "/0123456";
  Options options = good();
  options.lower.push_back(name);
  EXPECT_EQ(line_of(options),
            "the path of a lower directory has a name of 256 bytes (the limit is 255)");
  options = good();
  options.mountpoint = name;
  EXPECT_EQ(line_of(options),
            "the path of the mountpoint has a name of 256 bytes (the limit is 255)");
  options = good();
  options.upper = name;
  options.work = "/w";
  EXPECT_EQ(line_of(options),
            "the path of the upper directory has a name of 256 bytes (the limit is 255)");
  options.upper = "/u";
  options.work = path;
  EXPECT_EQ(line_of(options), "the path of the workdir is 4096 bytes long (the limit is 4095)");
}

}  // namespace

namespace {

TEST(WordsOfFile, NamesKeys) {
  const Problem told = in_words_of_file(
      {"option 'lowerdir' and upperdir '/u'", "correct lowerdir, upperdir or datadir"});
  EXPECT_EQ(told.cause, "key 'lowerdir' and upper '/u'");
  EXPECT_EQ(told.remedy, "correct lower, upper or data");
}

TEST(WordsOfFile, TakesTheWorkdirForTheKeyOnlyBeforeAPath) {
  EXPECT_EQ(in_words_of_file({"workdir '/w': gone", ""}).cause, "work '/w': gone");
  EXPECT_EQ(in_words_of_file({"workdir directory '/w'", ""}).cause, "work directory '/w'");
  EXPECT_EQ(in_words_of_file({"an upper needs a workdir", ""}).cause, "an upper needs a workdir");
}

TEST(WordsOfFile, LeavesPathsAndOtherWordsAlone) {
  EXPECT_EQ(in_words_of_file({"lowerdir '/a lowerdir/option b'", ""}).cause,
            "lower '/a lowerdir/option b'");
  EXPECT_EQ(in_words_of_file({"lowerdirs, options", ""}).cause, "lowerdirs, options");
  EXPECT_EQ(in_words_of_file({"", ""}).line(), "");
}

}  // namespace

}  // namespace overpass::config
