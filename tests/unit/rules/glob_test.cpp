// SPDX-License-Identifier: MIT

#include "rules/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace overpass::rules {
namespace {

struct Row {
  const char* pattern;
  const char* name;
  bool matches;
};

class GlobRows : public testing::TestWithParam<Row> {};

TEST_P(GlobRows, Match) {
  const auto glob = Glob::parse(GetParam().pattern);
  ASSERT_TRUE(glob) << glob.error().line();
  EXPECT_EQ(glob->matches(GetParam().name), GetParam().matches)
      << GetParam().pattern << " and " << GetParam().name;
}

INSTANTIATE_TEST_SUITE_P(
    Glob, GlobRows,
    testing::Values(Row{"a", "a", true}, Row{"a", "A", false}, Row{"*", ".x", true},
                    Row{"*.pem", ".pem", true}, Row{"*.pem", "a.pem.b", false},
                    Row{".env*", ".env.local", true}, Row{"a*b*c", "axbxbc", true},
                    Row{"a*b*c", "axbxbd", false}, Row{"?", "", false}, Row{"??", "ab", true},
                    Row{"[a-c]x", "bx", true}, Row{"[!a-c]x", "bx", false},
                    Row{"[^a-c]x", "dx", true}, Row{"[]]", "]", true}, Row{"[]-a]", "_", true},
                    Row{"[a-]", "-", true}, Row{"[-a]", "-", true}, Row{"[\\]]", "]", true},
                    Row{"[a\\-z]", "m", false}, Row{"[[:digit:]]", "7", true},
                    Row{"[[:digit:]x]", "x", true}, Row{"[![:alpha:]]", "a", false},
                    Row{"[[:x]", ":", true}, Row{"\\*", "*", true}, Row{"\\*", "a", false},
                    Row{"\\\\", "\\", true}, Row{"a\\b", "ab", true}, Row{"***a", "xa", true}));

TEST(Glob, RefusesWhatCanNeverMatch) {
  for (const char* pattern : {"[", "[a", "[!]", "[]", "a\\", "[[:nope:]]", "[a\\", "[[:alpha:"}) {
    EXPECT_FALSE(Glob::parse(pattern)) << pattern;
  }
}

TEST(Glob, TakesNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "a*";
  const auto glob = Glob::parse(pattern + "b");
  ASSERT_TRUE(glob);
  EXPECT_FALSE(glob->matches(std::string(255, 'a')));
}

TEST(Glob, ComparesBytesThatAreNoCharacters) {
  const auto glob = Glob::parse("[\x80-\xff]*");
  ASSERT_TRUE(glob);
  EXPECT_TRUE(glob->matches("\xc3\xa9"));
  EXPECT_FALSE(glob->matches("e"));
}

}  // namespace
}  // namespace overpass::rules
