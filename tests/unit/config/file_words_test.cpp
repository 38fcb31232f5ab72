// SPDX-License-Identifier: MIT
//
// Options' names turned into keys.

#include "config/file_words.h"

#include <gtest/gtest.h>

namespace overpass::config {
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
