// SPDX-License-Identifier: MIT
//
// Values that no overlay writes, marks on the wrong kind of file, marks of other mounts.

#include "check/marks.h"

#include <gtest/gtest.h>

#include "checked_layers.h"

namespace overpass::unit {
namespace {

using namespace std::string_literals;

struct Row {
  const char* test;
  const char* on;  ///< "dir" or "file" of the upper, "" for its root.
  const char* mark;
  std::string value;
  const char* expected;  ///< The identifier; empty for none.
};

const Row kRows[] = {
    {"OpaqueOfAnotherLetter", "dir", "opaque", "n", "opaque-invalid"},
    {"OpaqueTooLong", "dir", "opaque", "yy", "opaque-invalid"},
    {"OpaqueEmpty", "dir", "opaque", "", "opaque-invalid"},
    {"OpaqueOfXwhiteouts", "dir", "opaque", "x", ""},
    {"OpaqueFile", "file", "opaque", "y", "mark-misplaced"},
    {"RedirectOfAnEndlessName", "dir", "redirect", std::string(3000, 'r'), "redirect-invalid"},
    {"MetacopyCutShort", "file", "metacopy", "\0\4"s, "metacopy-invalid"},
    {"MetacopyOfAnotherVersion", "file", "metacopy", "\1\4\0\0"s, "metacopy-invalid"},
    {"MetacopyTooLong", "file", "metacopy", std::string(69, '\0'), "metacopy-invalid"},
    {"MetacopyDirectory", "dir", "metacopy", "", "mark-misplaced"},
    {"OriginUnknown", "file", "origin", "", ""},
    {"OriginCutShort", "file", "origin", "\0\xfb\x1d\0"s, "origin-invalid"},
    {"OriginOfText", "file", "origin", "where it came from, in words", "origin-invalid"},
    {"OriginOfALaterVersion", "file", "origin",
     "\1\xfb\x1d\0\1"s + std::string(16, 'u') + std::string(8, 'h'), "origin-unknown"},
    {"OriginOfNoFileSystemHere", "file", "origin",
     "\0\xfb\x1d\2\1"s + std::string(16, 'u') + std::string(8, 'h'), "origin-unknown"},
    {"OriginOversized", "file", "origin", std::string(3000, '\xfb'), "origin-invalid"},
    {"ImpureOfAnotherLetter", "dir", "impure", "n", "impure-invalid"},
    {"ImpureFile", "file", "impure", "y", "mark-misplaced"},
    {"NlinkOfNoNumber", "file", "nlink", "many", "nlink-invalid"},
    {"NlinkDirectory", "dir", "nlink", "U+1", "mark-misplaced"},
    {"UuidTooShort", "", "uuid", "short", "uuid-invalid"},
    {"UuidOfAFile", "file", "uuid", "0123456789abcdef", "mark-misplaced"},
    {"UpperInTheUpper", "dir", "upper", "x", "mark-misplaced"},
    {"ProtattrOfAnotherLetter", "file", "protattr", "ax", "protattr-invalid"},
    {"ProtattrEmpty", "file", "protattr", "", "protattr-invalid"},
    {"Protattr", "dir", "protattr", "i", ""},
    {"Unknown", "file", "brandnew", "1", "mark-unknown"},
    {"Escaped", "file", "overlay.opaque", "y", ""},
    {"EscapedTwice", "dir", "overlay.overlay.redirect", "..", ""},
};

class MarkRows : public testing::TestWithParam<Row> {};

TEST_P(MarkRows, AreJudged) {
  CheckedLayers layers;
  layers.disk.write("upper/file", "x");
  layers.disk.directory("upper/dir");
  const Row& row = GetParam();
  layers.mark("upper/"s + row.on, row.mark, row.value);
  Lines lines = layers.check();
  // Indexed once, or not: that is index_test's subject.
  std::erase(lines, "index-missing /file");
  const Lines expected = *row.expected == '\0' ? Lines() : Lines{row.expected + " /"s + row.on};
  EXPECT_EQ(lines, expected);
}

INSTANTIATE_TEST_SUITE_P(Marks, MarkRows, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.test; });

/// Marks the directory as only root can; other users see no such mark.
bool mark_as_root(const Scratch& disk, const std::string& name) {
  return ::lsetxattr(disk.path(name).c_str(), "trusted.overlay.opaque", "y", 1, 0) == 0;
}

TEST(Marks, OfTheOtherPrefixAreNotesWhereAUnionIsKeptInAUnion) {
  CheckedLayers layers;
  layers.disk.directory("upper/dir");
  layers.mark("upper", "impure", "y");
  const bool is_marked = mark_as_root(layers.disk, "upper/dir");
  EXPECT_EQ(layers.check(), is_marked ? Lines{"mark-other-prefix /dir"} : Lines());
  EXPECT_EQ(layers.summary.faults(), 0U);
}

TEST(Marks, OfTheOtherPrefixOnlyAreAWarning) {
  CheckedLayers layers;
  layers.disk.directory("upper/dir");
  const bool is_marked = mark_as_root(layers.disk, "upper/dir");
  EXPECT_EQ(layers.check(),
            is_marked ? Lines({"mark-other-prefix /dir", "prefix-mismatch /"}) : Lines());
  EXPECT_EQ(layers.summary.faults(), is_marked ? 1U : 0U);
}

TEST(Marks, OfImpurityAreCorrected) {
  CheckedLayers layers;
  layers.disk.directory("upper/dir");
  layers.mark("upper/dir", "impure", "1");
  EXPECT_EQ(layers.check(true), (Lines{"impure-invalid /dir"}));
  EXPECT_EQ(layers.summary.repaired, 1U);
  EXPECT_EQ(layers.disk.xattr("upper/dir", "user.overlay.impure"), "y");
  EXPECT_EQ(layers.check(), Lines());
}

TEST(ShownValue, IsTextOrHexadecimalAndNeverLong) {
  EXPECT_EQ(check::shown_value(""), "empty");
  EXPECT_EQ(check::shown_value("/a b"), "'/a b'");
  EXPECT_EQ(check::shown_value("a\n"), "0x610a");
  EXPECT_LT(check::shown_value(std::string(60000, '\xff')).size(), 300U);
}

}  // namespace
}  // namespace overpass::unit
