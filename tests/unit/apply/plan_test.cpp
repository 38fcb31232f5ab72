// SPDX-License-Identifier: MIT
//
// In which order names change, and what of a list is taken.

#include "apply/plan.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "../changes/changed_layers.h"

namespace overpass::unit {
namespace {

using apply::Act;
using apply::Plan;
using apply::PlannedStep;

class ApplyPlan : public testing::Test {
 protected:
  changes::List list() {
    stack = layers.open();
    auto read = changes::read_list(stack);
    if (!read) throw std::runtime_error("read_list");
    return std::move(*read);
  }

  /// "take a", "put b", ... of all that was changed.
  Lines steps(const changes::List& all) {
    const Plan plan = apply::make_plan(all, all, "id", [](const changes::Change&) { return true; });
    Lines lines;
    for (const PlannedStep& planned : plan.steps) {
      constexpr const char* kWords[] = {"take ", "put ", "overwrite ", "change "};
      std::string line = kWords[static_cast<size_t>(planned.step.act)];
      line += planned.step.act == Act::Take ? planned.step.old_path : planned.step.path;
      if (planned.changes.size() > 1) line += " +" + std::to_string(planned.changes.size() - 1);
      lines.push_back(line);
    }
    return lines;
  }

  ChangedLayers layers;
  layer::LayerStack stack;
  Scratch& disk = layers.disk;
};

TEST_F(ApplyPlan, TakesFirstThenPutsThenChanges) {
  disk.write("lower/gone", "1");
  disk.whiteout("upper/gone");
  disk.write("lower/mode", "1");
  disk.write("upper/mode", "1", 0600);
  disk.write("upper/new", "1");
  EXPECT_EQ(steps(list()), (Lines{"take gone", "put new", "change mode"}));
}

TEST_F(ApplyPlan, PutsANewDirectoryWithAllBelowIt) {
  disk.write("upper/dir/below/file", "1");
  disk.write("upper/dir/file", "1");
  EXPECT_EQ(steps(list()), (Lines{"put dir +3"}));
}

TEST_F(ApplyPlan, TakesWhatMovesOutOfADeletedDirectoryBeforeIt) {
  disk.write("lower/dir/inner/file", "1");
  disk.whiteout("upper/dir");
  disk.directory("upper/moved");
  layers.mark("upper/moved", "redirect", "/dir/inner");
  EXPECT_EQ(steps(list()), (Lines{"take dir/inner", "take dir", "put moved"}));
}

TEST_F(ApplyPlan, PutsWhatIsNewInAMovedDirectoryByItself) {
  disk.write("lower/dir/file", "1");
  disk.whiteout("upper/dir");
  disk.write("upper/new/moved/more", "1");
  layers.mark("upper/new/moved", "redirect", "/dir");
  EXPECT_EQ(steps(list()), (Lines{"take dir", "put new", "put new/moved", "put new/moved/more"}));
}

TEST_F(ApplyPlan, OverwritesAFileOfSeveralNamesUnlessAllChange) {
  disk.write("lower/one", "1");
  std::filesystem::create_hard_link(disk.path("lower/one"), disk.path("lower/two"));
  disk.write("upper/one", "2");
  EXPECT_EQ(steps(list()), (Lines{"overwrite one"}));
  disk.write("upper/two", "2");
  EXPECT_EQ(steps(list()), (Lines{"put one", "put two"}));
}

TEST_F(ApplyPlan, LeavesANameAloneThatShowsACopyOfItsOwn) {
  disk.write("lower/one", "1");
  std::filesystem::create_hard_link(disk.path("lower/one"), disk.path("lower/two"));
  disk.write("upper/one", "2");
  disk.write("upper/two", "1");
  EXPECT_EQ(steps(list()), (Lines{"put one"}));
  disk.write("upper/one", "1");
  std::filesystem::permissions(disk.path("upper/one"), std::filesystem::perms::owner_read);
  EXPECT_EQ(steps(list()), (Lines{"put one"}));
}

TEST_F(ApplyPlan, SelectsWithTheNewDirectoriesAbove) {
  disk.write("upper/a/b/c", "1");
  disk.write("upper/a/d", "1");
  disk.write("upper/e", "1");
  const changes::List all = list();
  const auto chosen = apply::select(all, {"a/b"});
  ASSERT_TRUE(chosen);
  Lines paths;
  for (const changes::Change& change : chosen->changes) paths.push_back(change.path);
  EXPECT_EQ(paths, (Lines{"a", "a/b", "a/b/c"}));
}

TEST_F(ApplyPlan, SelectsNothingOfARenamedDirectoryAlone) {
  disk.write("lower/dir/file", "1");
  disk.whiteout("upper/dir");
  disk.write("upper/moved/more", "1");
  layers.mark("upper/moved", "redirect", "/dir");
  const changes::List all = list();
  EXPECT_FALSE(apply::select(all, {"moved/more"}));
  const auto chosen = apply::select(all, {"moved"});
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->changes.size(), 2U);
}

TEST_F(ApplyPlan, DropsWhatIsBelowBeforeItsDirectory) {
  disk.write("lower/dir/file", "1");
  disk.write("upper/dir/file", "2");
  const changes::List all = list();
  const Plan plan = apply::make_plan(all, all, "id", [](const changes::Change&) { return true; });
  EXPECT_EQ(plan.dropped.names, (Lines{"dir/file"}));
  EXPECT_EQ(plan.dropped.parents, (Lines{"dir"}));
}

}  // namespace
}  // namespace overpass::unit
