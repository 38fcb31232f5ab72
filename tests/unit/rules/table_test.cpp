// SPDX-License-Identifier: MIT

#include "rules/table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/compile.h"

namespace overpass::rules {
namespace {

Table table_of(const std::vector<std::string>& rules) {
  std::vector<RuleText> texts;
  for (const std::string& rule : rules) texts.push_back({rule, "test"});
  auto table = compile(texts);
  EXPECT_TRUE(table) << table.error().line();
  return table ? *std::move(table) : Table();
}

Verdict verdict_of(const Table& table, std::string_view path, bool is_directory = false) {
  Verdict verdict;
  SharedProgress progress = table.at_root();
  while (true) {
    const size_t end = path.find('/');
    const bool is_last = end == std::string_view::npos;
    verdict = table.judge(verdict, progress, path.substr(0, end), !is_last || is_directory);
    if (is_last) return verdict;
    progress = table.enter(progress, path.substr(0, end));
    path.remove_prefix(end + 1);
  }
}

TEST(Table, OfNoRulesAppliesNothing) {
  const Table table;
  EXPECT_TRUE(table.is_empty());
  EXPECT_EQ(verdict_of(table, "a/b"), Verdict());
}

TEST(Table, LastRuleOfAnActionDecides) {
  const Table table = table_of({"hide .env*", "hide !.env.example", "readonly *"});
  EXPECT_TRUE(verdict_of(table, "a/.env").has(Action::Hide));
  EXPECT_FALSE(verdict_of(table, "a/.env.example").has(Action::Hide));
  EXPECT_TRUE(verdict_of(table, "a/.env.example").has(Action::ReadOnly));
}

TEST(Table, RulesOfOtherActionsUndoNothing) {
  const Table table = table_of({"hide secret", "log *", "deny !secret"});
  const Verdict verdict = verdict_of(table, "secret");
  EXPECT_TRUE(verdict.has(Action::Hide));
  EXPECT_TRUE(verdict.has(Action::Log));
  EXPECT_FALSE(verdict.has(Action::Deny));
}

TEST(Table, WhatAppliesToADirectoryAppliesBelowAndIsNotTakenBack) {
  const Table table = table_of({"hide private/", "hide !private/open"});
  EXPECT_TRUE(verdict_of(table, "private/open").has(Action::Hide));
  EXPECT_FALSE(verdict_of(table, "private").has(Action::Hide)) << "a file";
}

TEST(Table, SharesTheProgressOfTheParentWhereNothingHasChanged) {
  const Table table = table_of({"readonly **/.git/hooks", "hide /etc/shadow"});
  const SharedProgress below = table.enter(table.at_root(), "a");
  EXPECT_EQ(table.enter(below, "b"), below);
  EXPECT_FALSE(are_equal(table.enter(below, ".git"), below));
  EXPECT_FALSE(are_equal(table.enter(table.at_root(), "etc"), table.enter(table.at_root(), "a")));
}

TEST(Table, HasNoProgressWhereNoPatternCanMatchBelow) {
  const Table table = table_of({"hide /etc/shadow", "deny *.key"});
  EXPECT_NE(table.at_root(), nullptr);
  EXPECT_EQ(table.enter(table.at_root(), "usr"), nullptr);
  EXPECT_EQ(table.enter(nullptr, "etc"), nullptr);
}

TEST(Table, ExplainsByTheRuleOfTheTopmostDirectory) {
  const Table table = table_of({"hide .ssh/", "readonly *.c", "readonly !a.c", "log x/**"});
  const auto of_key = explain(table, "home/me/.ssh/id", false);
  ASSERT_EQ(of_key.size(), 1U);
  EXPECT_EQ(of_key[0].path, "home/me/.ssh");
  EXPECT_EQ(of_key[0].rule->text, "hide .ssh/");
  const auto of_source = explain(table, "/a.c", false);
  ASSERT_EQ(of_source.size(), 1U);
  EXPECT_FALSE(of_source[0].applies);
  EXPECT_TRUE(explain(table, "x", true).empty());
  EXPECT_EQ(explain(table, "x/y/z", false).at(0).path, "x/y");
}

}  // namespace
}  // namespace overpass::rules
