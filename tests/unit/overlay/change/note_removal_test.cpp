// SPDX-License-Identifier: MIT
//
// What is recorded of names that go.

#include "overlay/change/note_removal.h"

#include <gtest/gtest.h>
#include <stdio.h>

#include "../../base/failing_allocation.h"
#include "../union.h"
#include "overlay/change/remove.h"

namespace overpass::overlay {
namespace {

using unit::Union;
using Paths = std::vector<std::string>;

/// Somebody has asked before the test begins, once the layers have been filled.
class NoteRemoval : public testing::Test {
 protected:
  void begin() { next_ = u.overlay().removals.since(0).next; }
  /// Since begin().
  Paths gone() {
    const Removals::Since since = u.overlay().removals.since(next_);
    return since.is_whole ? since.paths : Paths({"everything"});
  }

  Union u{{.lowers = 1, .format = {.redirect_dir = layer::RedirectDir::On}}};

 private:
  uint64_t next_ = 0;
};

TEST_F(NoteRemoval, RecordsWhatIsRemoved) {
  u.disk.write("lower1/d/file", "");
  u.write("new", "");
  ASSERT_EQ(u.make_directory("d/sub"), 0);
  begin();
  EXPECT_EQ(u.remove("new"), 0);
  EXPECT_EQ(u.remove("d/file"), 0);
  EXPECT_EQ(u.remove_directory("d/sub"), 0);
  EXPECT_EQ(gone(), Paths({"new", "d/file", "d/sub"}));
}

TEST_F(NoteRemoval, RecordsNothingBeforeSomebodyAsks) {
  u.write("new", "");
  EXPECT_EQ(u.remove("new"), 0);
  EXPECT_FALSE(u.overlay().removals.are_wanted());
  begin();
  EXPECT_EQ(gone(), Paths());
}

TEST_F(NoteRemoval, RecordsNothingThatWasRefused) {
  u.disk.write("lower1/d/file", "");
  begin();
  EXPECT_EQ(u.remove("none"), ENOENT);
  EXPECT_EQ(u.remove("d"), EISDIR);
  EXPECT_EQ(u.remove_directory("d"), ENOTEMPTY);
  EXPECT_EQ(u.remove_directory("d/file"), ENOTDIR);
  EXPECT_EQ(u.rename("none", "other"), ENOENT);
  EXPECT_EQ(gone(), Paths());
}

TEST_F(NoteRemoval, RecordsTheOldNameOfAFile) {
  u.disk.write("lower1/d/file", "");
  u.disk.write("lower1/other", "");
  begin();
  const InodeRef known = u.at("d/file");  // As the kernel knows what it renames.
  EXPECT_EQ(u.rename("d/file", "moved"), 0);
  EXPECT_EQ(u.rename("moved", "other"), 0);
  EXPECT_EQ(gone(), Paths({"d/file", "moved"}));
}

TEST_F(NoteRemoval, RecordsEverythingForWhatIsNotKnownAnyMore) {
  u.disk.write("lower1/file", "");
  begin();
  EXPECT_EQ(u.rename("file", "moved"), 0);
  EXPECT_EQ(gone(), Paths({"everything"}));
}

TEST_F(NoteRemoval, RecordsEverythingForARenamedDirectory) {
  u.disk.write("lower1/d/file", "");
  ASSERT_EQ(u.make_directory("new"), 0);
  begin();
  EXPECT_EQ(u.rename("d", "moved"), 0);
  EXPECT_EQ(gone(), Paths({"everything"}));
  begin();
  EXPECT_EQ(u.rename("new", "d"), 0);
  EXPECT_EQ(gone(), Paths({"everything"}));
}

TEST_F(NoteRemoval, RecordsEverythingIfADirectoryIsExchanged) {
  u.disk.write("lower1/d/file", "");
  u.disk.write("lower1/a", "");
  u.disk.write("lower1/b", "");
  begin();
  const InodeRef known[] = {u.at("a"), u.at("b")};
  EXPECT_EQ(u.rename("a", "b", RENAME_EXCHANGE), 0);
  EXPECT_EQ(gone(), Paths({"a"}));
  EXPECT_EQ(u.rename("a", "d", RENAME_EXCHANGE), 0);
  EXPECT_EQ(gone(), Paths({"everything"}));
  begin();
  EXPECT_EQ(u.rename("a", "d", RENAME_EXCHANGE), 0);
  EXPECT_EQ(gone(), Paths({"everything"}));
}

TEST_F(NoteRemoval, RecordsPathsBelowRenamedDirectoriesAsTheyAreNow) {
  u.disk.write("lower1/a/b/file", "");
  begin();
  ASSERT_EQ(u.rename("a", "c"), 0);
  begin();
  EXPECT_EQ(u.remove("c/b/file"), 0);
  EXPECT_EQ(gone(), Paths({"c/b/file"}));
}

TEST_F(NoteRemoval, LeavesOutWhatGitCallsItsOwn) {
  u.disk.write("lower1/.git/index.lock", "");
  u.disk.write("lower1/sub/.git/objects/x", "");
  u.disk.write("lower1/module/.git", "");
  u.disk.write("lower1/.gitignore", "");
  begin();
  EXPECT_EQ(u.remove(".git/index.lock"), 0);
  EXPECT_EQ(u.remove("sub/.git/objects/x"), 0);
  EXPECT_EQ(u.remove("module/.git"), 0);
  EXPECT_EQ(u.remove(".gitignore"), 0);
  EXPECT_EQ(gone(), Paths({".gitignore"}));
}

TEST_F(NoteRemoval, RecordsEachRemovalWhateverMemoryIsLacking) {
  for (int i = 0; i < 200; ++i) u.disk.write("lower1/d/" + std::to_string(i), "");
  u.disk.write("lower1/d/warm", "");
  ASSERT_EQ(u.remove("d/warm"), 0);
  const InodeRef directory = u.at("d");
  unit::fail_each_allocation(
      [&](size_t nth) {
        begin();
        return remove_file(u.overlay(), unit::kRoot, directory, std::to_string(nth).c_str());
      },
      [&](size_t nth, bool) {
        const std::string name = "d/" + std::to_string(nth);
        if (u.shows(name)) return;
        const Paths told = gone();
        EXPECT_TRUE(told == Paths({name}) || told == Paths({"everything"})) << name;
      });
}

TEST_F(NoteRemoval, RecordsFailuresThatMayHaveComeHalfway) {
  u.disk.write("lower1/d/file", "");
  begin();
  const InodeRef directory = u.at("d");
  note_removal(u.overlay(), directory, "file", EIO);
  note_removal(u.overlay(), directory, "other", kMustWait);
  EXPECT_EQ(gone(), Paths({"d/file"}));
  note_rename(u.overlay(), directory, "file", directory, "other", 0, EXDEV);
  EXPECT_EQ(gone(), Paths({"d/file"}));
  note_rename(u.overlay(), directory, "file", directory, "other", 0, ENOSPC);
  EXPECT_EQ(gone(), Paths({"everything"}));
}

}  // namespace
}  // namespace overpass::overlay
