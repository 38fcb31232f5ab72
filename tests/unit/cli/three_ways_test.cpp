// SPDX-License-Identifier: MIT

#include "cli/three_ways.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "../sys/scratch.h"

namespace overpass::cli {
namespace {

using unit::must;

class ThreeWays : public testing::Test {
 protected:
  const ThreeWayMerge tool = must(ThreeWayMerge::begin("box"));
};

TEST_F(ThreeWays, WhatEitherSideHasChangedIsTaken) {
  const MergedText merged = must(tool.merge({.base = "1\n2\n3\n4\n5\n",
                                             .outside = "one\n2\n3\n4\n5\n",
                                             .sandbox = "1\n2\n3\n4\nfive\n"}));
  EXPECT_FALSE(merged.has_conflicts);
  EXPECT_EQ(merged.content, "one\n2\n3\n4\nfive\n");
}

struct Row {
  const char* base;
  const char* outside;
  const char* sandbox;
  const char* merged;
};

TEST_F(ThreeWays, Clean) {
  const Row rows[] = {
      {"a\n", "a\n", "b\n", "b\n"},
      {"a\n", "b\n", "a\n", "b\n"},
      {"a\n", "b\n", "b\n", "b\n"},
      {"a\nb\nc\n", "a\nb\nc", "x\nb\nc\n", "x\nb\nc"},
      {"a\nb\nc", "a\nb\nc", "x\nb\nc", "x\nb\nc"},
      {"", "", "new\n", "new\n"},
      {"a\nb\nc\n", "", "a\nb\nc\n", ""},
      {"--a\nb\n\xff\n", "--a\nb\n\xff\n", "--a\nc\n\xff\n", "--a\nc\n\xff\n"},
  };
  for (const Row& row : rows) {
    const MergedText merged = must(tool.merge({row.base, row.outside, row.sandbox}));
    EXPECT_FALSE(merged.has_conflicts) << row.base;
    EXPECT_EQ(merged.content, row.merged);
  }
}

TEST_F(ThreeWays, BothSidesOfWhatOverlapsAreMarked) {
  const MergedText merged = must(tool.merge({"1\n2\n3\n", "1\nout\n3\n", "1\nin\n3\n"}));
  EXPECT_TRUE(merged.has_conflicts);
  EXPECT_EQ(merged.content, "1\n<<<<<<< outside\nout\n=======\nin\n>>>>>>> sandbox box\n3\n");
}

TEST_F(ThreeWays, MarksHaveLinesOfTheirOwn) {
  const char* const marked = "1\n<<<<<<< outside\nout\n=======\nin\n>>>>>>> sandbox box\n";
  const ThreeTexts rows[] = {
      {"1\n2", "1\nout", "1\nin"},
      {"1\n2\n", "1\nout", "1\nin\n"},
      {"1\n2\n", "1\nout\n", "1\nin"},
  };
  for (const ThreeTexts& row : rows) {
    const MergedText merged = must(tool.merge(row));
    EXPECT_TRUE(merged.has_conflicts);
    EXPECT_EQ(merged.content, marked) << row.base;
  }
  // Whether the end of the line is to go is for the user to say.
  const MergedText merged = must(tool.merge({"1\n2\n", "1\n2", "1\nin\n"}));
  EXPECT_TRUE(merged.has_conflicts);
  EXPECT_EQ(merged.content, "1\nin\n");
}

TEST(ThreeWaysDirectory, GoesAtTheEnd) {
  const unit::Scratch disk;
  const char* former = std::getenv("TMPDIR");
  const std::string saved = former == nullptr ? "" : former;
  ASSERT_EQ(::setenv("TMPDIR", disk.path().c_str(), 1), 0);
  {
    ThreeWayMerge tool = must(ThreeWayMerge::begin("box"));
    const ThreeWayMerge moved = std::move(tool);
    EXPECT_EQ(must(moved.merge({"a\n", "b\n", "a\n"})).content, "b\n");
    EXPECT_EQ(disk.names().size(), 1U);
  }
  EXPECT_TRUE(disk.names().empty());
  ASSERT_EQ(::setenv("TMPDIR", disk.path("nowhere").c_str(), 1), 0);
  EXPECT_FALSE(ThreeWayMerge::begin("box").has_value());
  ASSERT_EQ(former == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", saved.c_str(), 1), 0);
}

}  // namespace
}  // namespace overpass::cli
