// SPDX-License-Identifier: MIT

#include "rules/pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace overpass::rules {
namespace {

TEST(Pattern, IsAnchoredByASlashThatIsNotItsLast) {
  EXPECT_FALSE(parse_pattern("a")->is_anchored);
  EXPECT_FALSE(parse_pattern("a/")->is_anchored);
  EXPECT_TRUE(parse_pattern("/a")->is_anchored);
  EXPECT_TRUE(parse_pattern("a/b")->is_anchored);
  EXPECT_TRUE(parse_pattern("x[/a]")->is_anchored);
}

TEST(Pattern, AtAnyDepthInFrontOfOneNameIsThatName) {
  const auto pattern = parse_pattern("**/**/a/");
  ASSERT_TRUE(pattern);
  EXPECT_FALSE(pattern->is_anchored);
  EXPECT_TRUE(pattern->directories_only);
  EXPECT_EQ(pattern->segments.size(), 1U);
}

TEST(Pattern, OfAnyDepthAloneStaysAnchored) {
  for (const char* text : {"/**", "**/**"}) {
    const auto pattern = parse_pattern(text);
    ASSERT_TRUE(pattern) << text;
    EXPECT_TRUE(pattern->is_anchored) << text;
  }
}

TEST(Pattern, MayBeNegatedOrBeginWithAnExclamationMark) {
  EXPECT_TRUE(parse_pattern("!a")->is_negated);
  const auto literal = parse_pattern("\\!a");
  EXPECT_FALSE(literal->is_negated);
  EXPECT_TRUE(literal->segments.front().glob.matches("!a"));
}

TEST(Pattern, LosesBlanksAtItsEndUnlessTheyAreEscaped) {
  EXPECT_TRUE(parse_pattern("a  \t")->segments.front().glob.matches("a"));
  EXPECT_TRUE(parse_pattern("a\\  ")->segments.front().glob.matches("a "));
  EXPECT_TRUE(parse_pattern("a\\\\  ")->segments.front().glob.matches("a\\"));
}

TEST(Pattern, IsCutAtEscapedSlashesToo) {
  const auto pattern = parse_pattern("a\\/b");
  ASSERT_TRUE(pattern);
  EXPECT_EQ(pattern->segments.size(), 2U);
}

TEST(Pattern, HasABoundedLength) {
  EXPECT_TRUE(parse_pattern(std::string(kLongestPattern, '?')));
  EXPECT_FALSE(parse_pattern(std::string(kLongestPattern + 1, '?')));
}

TEST(Pattern, ThatCanNeverMatchIsRefusedWithARemedy) {
  for (const char* text : {"", "!", "/", "  ", "a//b", "//a", "./a", "../a", "a/./b", "~/.ssh",
                           "a\\", "a\\/", "[a", "a/[b"}) {
    const auto pattern = parse_pattern(text);
    ASSERT_FALSE(pattern) << text;
    EXPECT_FALSE(pattern.error().remedy.empty()) << text;
  }
}

}  // namespace
}  // namespace overpass::rules
