// SPDX-License-Identifier: MIT
//
// How paths are written, and which changes a filter shows.

#include "cli/diff_report.h"

#include <gtest/gtest.h>

#include "cli/diff_patch.h"
#include "cli/looked_at.h"

namespace overpass::cli {
namespace {

changes::Change change_of(changes::Kind kind, const std::string& path,
                          const std::string& old = "") {
  changes::Change change{kind, path, old};
  if (kind == changes::Kind::Deleted) std::swap(change.path, change.old_path);
  return change;
}

TEST(ShownPath, LeavesWhatATerminalShowsAsItIs) {
  for (const char* path : {"a/b c", "n\u00e4me", "\u65e5\u672c", "\U0001F600", "a-b_c.d~"}) {
    EXPECT_EQ(shown_path(path), path);
  }
}

TEST(ShownPath, EscapesWhatATerminalTakesForACommand) {
  EXPECT_EQ(shown_path("a\033[31m"), "\"a\\033[31m\"");
  EXPECT_EQ(shown_path("a\nb\t"), "\"a\\012b\\011\"");
  EXPECT_EQ(shown_path("\x7f"), "\"\\177\"");
  EXPECT_EQ(shown_path("\u009b"), "\"\\302\\233\"") << "a control of C1";
  EXPECT_EQ(shown_path("\u202e"), "\"\\342\\200\\256\"") << "turns the direction";
  EXPECT_EQ(shown_path("\xff"), "\"\\377\"");
  EXPECT_EQ(shown_path("\xc3"), "\"\\303\"") << "cut short";
  EXPECT_EQ(shown_path("a\"b\\"), "\"a\\\"b\\\\\"");
}

TEST(QuotedPath, IsGits) {
  EXPECT_EQ(quoted_path('a', "plain name"), "a/plain name");
  EXPECT_EQ(quoted_path('b', "n\u00e4"), "\"b/n\\303\\244\"");
  EXPECT_EQ(quoted_path('\0', "x\ny"), "\"x\\012y\"");
}

TEST(Filter, ShowsWhatLiesBelowAPath) {
  const DiffFilter filter = {{"dir"}, {}};
  EXPECT_TRUE(filter.shows(change_of(changes::Kind::Added, "dir")));
  EXPECT_TRUE(filter.shows(change_of(changes::Kind::Added, "dir/a/b")));
  EXPECT_FALSE(filter.shows(change_of(changes::Kind::Added, "directory")));
  EXPECT_TRUE(filter.shows(change_of(changes::Kind::Renamed, "new", "dir/old")))
      << "by its old path";
}

TEST(Filter, ShowsADeletionThatTakesThePathAlong) {
  const DiffFilter filter = {{"dir/sub/file"}, {}};
  EXPECT_TRUE(filter.shows(change_of(changes::Kind::Deleted, "dir")));
  EXPECT_FALSE(filter.shows(change_of(changes::Kind::Modified, "dir", "dir")));
  EXPECT_TRUE(filter.shows(change_of(changes::Kind::Renamed, "dir/sub", "old")));
}

TEST(Filter, TakesGlobsOverSlashes) {
  const DiffFilter filter = {{"*.h"}, {}};
  EXPECT_TRUE(filter.shows(change_of(changes::Kind::Added, "src/a.h")));
  EXPECT_FALSE(filter.shows(change_of(changes::Kind::Added, "src/a.c")));
}

TEST(Filter, ExcludesNamesEverywhereAndPathsFromTheRoot) {
  const DiffFilter filter = {{}, {"*.o", "build/tmp"}};
  EXPECT_FALSE(filter.shows(change_of(changes::Kind::Added, "a/b.o")));
  EXPECT_FALSE(filter.shows(change_of(changes::Kind::Added, "a.o/inside")));
  EXPECT_FALSE(filter.shows(change_of(changes::Kind::Added, "build/tmp/x")));
  EXPECT_TRUE(filter.shows(change_of(changes::Kind::Added, "other/build/tmp")));
}

}  // namespace
}  // namespace overpass::cli
