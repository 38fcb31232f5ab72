// SPDX-License-Identifier: MIT
//
// Texts compared line by line, and what some of the differences make of them.

#include "apply/hunks.h"

#include <gtest/gtest.h>

#include <random>

namespace overpass::unit {
namespace {

using apply::Edit;
using apply::Hunk;

std::vector<Edit> edits(const std::string& before, const std::string& after) {
  return apply::edits_of(apply::lines_of(before), apply::lines_of(after));
}

std::string made(const std::string& before, const std::string& after,
                 const std::vector<Edit>& taken) {
  return apply::with_edits(apply::lines_of(before), apply::lines_of(after), taken);
}

/// How many lines go or come.
size_t cost(const std::vector<Edit>& all) {
  size_t lines = 0;
  for (const Edit& edit : all) {
    lines += edit.old_end - edit.old_begin + edit.new_end - edit.new_begin;
  }
  return lines;
}

TEST(Hunks, FindLinesThatChanged) {
  EXPECT_EQ(edits("a\nb\nc\n", "a\nx\nc\n"), (std::vector<Edit>{{1, 2, 1, 2}}));
  EXPECT_EQ(edits("a\nb\n", "a\nb\nc\n"), (std::vector<Edit>{{2, 2, 2, 3}}));
  EXPECT_EQ(edits("a\nb\n", "b\n"), (std::vector<Edit>{{0, 1, 0, 0}}));
  EXPECT_EQ(edits("", "a\n"), (std::vector<Edit>{{0, 0, 0, 1}}));
  EXPECT_EQ(edits("a\n", "a\n"), (std::vector<Edit>{}));
}

TEST(Hunks, TellALastLineWithoutNewlineFromOneWith) {
  EXPECT_EQ(edits("a\nb", "a\nb\n"), (std::vector<Edit>{{1, 2, 1, 2}}));
}

TEST(Hunks, FindTheFewestLines) {
  EXPECT_EQ(cost(edits("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n")), 5u);
}

TEST(Hunks, KeepEditsTogetherWhoseContextMeets) {
  const auto near = edits("1\n2\n3\n4\n5\n6\n7\n8\n", "x\n2\n3\n4\n5\n6\n7\ny\n");
  EXPECT_EQ(apply::hunks_of(near), (std::vector<Hunk>{near}));
  const auto far = edits("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n2\n3\n4\n5\n6\n7\n8\ny\n");
  EXPECT_EQ(apply::hunks_of(far).size(), 2u);
}

TEST(Hunks, AreTakenOneByOne) {
  const std::string before = "a\nb\nc\nd\n";
  const std::string after = "x\nb\nd\ne";
  const auto all = edits(before, after);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(made(before, after, {all[0]}), "x\nb\nc\nd\n");
  EXPECT_EQ(made(before, after, {all[1]}), "a\nb\nd\n");
  EXPECT_EQ(made(before, after, {all[0], all[2]}), "x\nb\nc\nd\ne");
  EXPECT_EQ(made(before, after, {}), before);
}

TEST(Hunks, OfRandomTextsMakeTheOneOfTheOther) {
  std::minstd_rand random(7);
  for (int round = 0; round < 500; ++round) {
    std::string texts[2];
    for (std::string& text : texts) {
      for (size_t i = random() % 30; i > 0; --i) text += std::string(1, "abc"[random() % 3]) + "\n";
      if (random() % 4 == 0) text += "end";
    }
    const auto all = edits(texts[0], texts[1]);
    EXPECT_EQ(made(texts[0], texts[1], all), texts[1]);
    for (size_t i = 1; i < all.size(); ++i) {
      EXPECT_GT(all[i].old_begin + all[i].new_begin, all[i - 1].old_end + all[i - 1].new_end);
    }
  }
}

TEST(Hunks, OfTextsThatHaveLittleInCommonAreOne) {
  std::string before, after;
  for (int i = 0; i < 3000; ++i) before += std::to_string(i) + "\n";
  for (int i = 0; i < 3000; ++i) after += "x" + std::to_string(i) + "\n";
  EXPECT_EQ(edits(before, after), (std::vector<Edit>{{0, 3000, 0, 3000}}));
}

TEST(Hunks, AreOfTextsOnly) {
  EXPECT_TRUE(apply::is_text("a\xff\n"));
  EXPECT_FALSE(apply::is_text(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace overpass::unit
