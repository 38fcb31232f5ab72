// SPDX-License-Identifier: MIT

#include "rules/compile.h"

#include <gtest/gtest.h>

#include "rules/sets.h"

namespace overpass::rules {
namespace {

TEST(Compile, ReadsLinesAndPassesOverComments) {
  const auto lines = lines_of("# all\n\n  hide .env\r\nreadonly #x\n@agent  \nlog *", "f");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], (RuleText{"hide .env", "f:3"}));
  EXPECT_EQ(lines[1], (RuleText{"readonly #x", "f:4"}));
  EXPECT_EQ(lines[2], (RuleText{"@agent", "f:5"}));
  EXPECT_EQ(lines[3], (RuleText{"log *", "f:6"}));
}

TEST(Compile, NamesTheLineTheFaultAndTheRemedy) {
  const auto table = compile(std::vector<RuleText>{{"hide a", "f:1"}, {"hied b", "f:2"}});
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().line(),
            "f:2: the rule 'hied b' is not understood: 'hied' is no action (did you mean 'hide'?)");
}

TEST(Compile, RefusesARuleWithoutAPattern) {
  EXPECT_FALSE(compile(std::vector<RuleText>{{"hide", ""}}));
  EXPECT_FALSE(compile(std::vector<RuleText>{{"hide  ", ""}}));
  EXPECT_FALSE(compile(std::vector<RuleText>{{"", ""}}));
}

TEST(Compile, KnowsItsSets) {
  for (const auto name : set_names()) {
    const auto table = compile(std::vector<RuleText>{{std::string(name), ""}});
    ASSERT_TRUE(table) << table.error().line();
    EXPECT_FALSE(table->is_empty());
  }
  EXPECT_FALSE(compile(std::vector<RuleText>{{"@secret", ""}}));
}

TEST(Compile, BoundsTheNumberOfRules) {
  const std::vector<RuleText> many(Table::kMostRules + 1, RuleText{"hide a", "f"});
  EXPECT_FALSE(compile(many));
}

}  // namespace
}  // namespace overpass::rules
