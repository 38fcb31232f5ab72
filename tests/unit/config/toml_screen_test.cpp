// SPDX-License-Identifier: MIT
//
// Characters that are kept from toml++.

#include "config/toml_screen.h"

#include <gtest/gtest.h>

#include <string>

namespace overpass::config {
namespace {

/// "LINE:COLUMN", or nothing.
std::string place(std::string_view text) {
  const auto stray = find_stray_character(text);
  if (!stray) return "";
  return std::to_string(stray->line) + ":" + std::to_string(stray->column);
}

struct Row {
  const char* name;
  std::string_view text;
  std::string_view place;
};

class TomlScreen : public testing::TestWithParam<Row> {};

TEST_P(TomlScreen, FindsTheFirstCharacter) { EXPECT_EQ(place(GetParam().text), GetParam().place); }

INSTANTIATE_TEST_SUITE_P(
    Texts, TomlScreen,
    testing::Values(
        Row{"Nothing", "", ""}, Row{"Plain", "[a]\nb = 'c' # d\n", ""},
        Row{"ByteOrderMark", "\xef\xbb\xbf[a]", ""}, Row{"MarkInside", "[a]\xef\xbb\xbf", "1:4"},
        Row{"Bare", "a\n b\xc3\xa4", "2:3"}, Row{"InBasicString", "a = \"\xc3\xa4\"", ""},
        Row{"InLiteralString", "a = '\xc3\xa4'", ""}, Row{"InComment", "# \xc3\xa4\n\xc3", "2:1"},
        Row{"AfterStringOfTwoBytes", "a = \"\xc3\xa4\"\xc3", "1:8"},
        Row{"AfterEscapedQuote", "\"\\\"\xc3\"\xc3", "1:6"},
        Row{"BackslashInLiteral", "'\\'\xc3", "1:4"}, Row{"AfterEmptyString", "\"\"\xc3", "1:3"},
        Row{"LongString", "\"\"\"\n\xc3\"\xc3\"\"\xc3\n\"\"\"", ""},
        Row{"LongStringEndingInQuotes", "\"\"\"a\"\"\"\"\"\xc3", "1:10"},
        Row{"LongLiteral", "'''\xc3'\xc3'''\xc3", "1:10"},
        Row{"StringCutByTheLine", "\"a\n\xc3", "2:1"}, Row{"StringCutByTheEnd", "\"a\\", ""},
        Row{"HashInString", "\"#\"\xc3", "1:4"}, Row{"QuoteInComment", "#\"\n\xc3", "2:1"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace overpass::config
