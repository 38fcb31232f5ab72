// SPDX-License-Identifier: MIT
//
// "Did you mean", and words of the user's in messages.

#include "base/nearest.h"

#include <gtest/gtest.h>

namespace overpass {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("upperdir", "uperdir"), 1u);
  EXPECT_EQ(edit_distance("uperdir", "upperdir"), 1u);
  EXPECT_EQ(edit_distance("voletile", "volatile"), 1u);
  EXPECT_EQ(edit_distance("stauts", "status"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(EditDistance, IsSymmetric) {
  const std::string_view words[] = {"lowerdir", "upperdir", "workdir", "ro", "", "metacopy"};
  for (const auto left : words) {
    for (const auto right : words) {
      EXPECT_EQ(edit_distance(left, right), edit_distance(right, left));
    }
  }
}

struct NearestRow {
  const char* name;
  std::string_view word;
  std::optional<std::string_view> nearest;
};

class Nearest : public testing::TestWithParam<NearestRow> {};

TEST_P(Nearest, IsTheWordThatWasMeant) {
  const std::string_view known[] = {"lowerdir", "upperdir", "workdir", "ro", "volatile", "threads"};
  EXPECT_EQ(find_nearest(GetParam().word, known), GetParam().nearest);
}

INSTANTIATE_TEST_SUITE_P(
    Words, Nearest,
    testing::Values(NearestRow{"Exact", "workdir", "workdir"},
                    NearestRow{"MissingLetter", "lowedir", "lowerdir"},
                    NearestRow{"SwappedLetters", "owrkdir", "workdir"},
                    NearestRow{"Beginning", "upper", "upperdir"},
                    NearestRow{"LongerThanTheName", "lowerdirectories", "lowerdir"},
                    NearestRow{"PluralOfANumber", "thread", "threads"},
                    NearestRow{"TwoLetters", "rw", "ro"}, NearestRow{"Nothing", "", std::nullopt},
                    NearestRow{"FarFromAll", "journal_checksum", std::nullopt}),
    [](const auto& row) { return row.param.name; });

TEST(Nearest, GivesUpOnOverlongWords) {
  const std::string_view known[] = {"aaaaaaaa"};
  EXPECT_EQ(find_nearest(std::string(100000, 'a'), known), std::nullopt);
}

TEST(Suggest, NamesTheNearestOrSaysOtherwise) {
  const std::string_view known[] = {"status"};
  EXPECT_EQ(suggest("statsu", known, "see help"), "did you mean 'status'?");
  EXPECT_EQ(suggest("mount", known, "see help"), "see help");
}

TEST(InQuotes, KeepsAMessageOneShortLine) {
  EXPECT_EQ(in_quotes("a b"), "'a b'");
  EXPECT_EQ(in_quotes("a\nb\x7f"), "'a?b?'");
  EXPECT_EQ(in_quotes("\xff\xc3\xa4"), "'\xff\xc3\xa4'");
  EXPECT_EQ(in_quotes(std::string(401, 'x')), "'" + std::string(400, 'x') + "...'");
}

}  // namespace
}  // namespace overpass
