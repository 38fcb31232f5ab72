// SPDX-License-Identifier: MIT
//
// Candidates for the last word of a command line that is being typed.

#include "command_line/completion.h"

#include <gtest/gtest.h>

namespace overpass::command_line {
namespace {

constexpr Flag kFlags[] = {
    {"--options", 'o', "OPTS", "options", Value::MountOptions},
    {"--lower", '\0', "DIR", "a directory", Value::Directory},
    {"--log", '\0', "FILE", "a file", Value::File},
    {"--debug", 'd', "", "log"},
};
constexpr FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr Command kMount = {.name = "mount",
                            .synopsis = "",
                            .summary = "merge",
                            .description = "",
                            .groups = kGroups,
                            .examples = {},
                            .operand = Value::Mount,
                            .help_call = ""};
constexpr Command kMove = {.name = "move",
                           .synopsis = "",
                           .summary = "another",
                           .description = "",
                           .groups = {},
                           .examples = {},
                           .operand = Value::Nothing,
                           .help_call = ""};
constexpr const Command* kCommands[] = {&kMount, &kMove};

/// The value that is asked for, with what is typed of it.
Completion values(Value value, std::string_view typed) {
  Completion completion;
  completion.words.push_back(
      {(value == Value::Mount ? "mount-" : "option-") + std::string(typed), ""});
  return completion;
}

struct Row {
  const char* name;
  std::vector<std::string> words;
  std::string text;
};

class CompletedLines : public testing::TestWithParam<Row> {};

TEST_P(CompletedLines, GetTheirCandidates) {
  EXPECT_EQ(text_of(complete({kCommands, &kMount}, GetParam().words, values)), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Lines, CompletedLines,
    testing::Values(
        Row{"Nothing", {}, "none 0\n"},
        Row{"CommandOrBareOperand", {"mou"}, "none 0\nmount-mou\t\nmount\tmerge\n"},
        Row{"FlagOfTheBareCommand", {"--de"}, "none 0\n--debug\tlog\n"},
        Row{"Flags", {"mount", "--lo"}, "none 0\n--lower\ta directory\n--log\ta file\n"},
        Row{"AllFlags",
            {"mount", "-"},
            "none 0\n--options\toptions\n--lower\ta directory\n--log\ta file\n--debug\tlog\n"},
        Row{"ValueOfALongFlag", {"mount", "--lower", "/u"}, "directories 0\n"},
        Row{"ValueBehindAnEqualsSign", {"mount", "--lower=/u"}, "directories 8\n"},
        Row{"ValueThatIsAFile", {"mount", "--log", ""}, "files 0\n"},
        Row{"ValueOfALetter", {"mount", "-o", "r"}, "none 0\noption-r\t\n"},
        Row{"ValueJoinedToALetter", {"mount", "-or"}, "none 0\n-ooption-r\t\n"},
        Row{"ValueBehindACluster", {"mount", "-do", "r"}, "none 0\noption-r\t\n"},
        Row{"ValueLikeAFlag", {"mount", "-o", "--lo"}, "none 0\noption---lo\t\n"},
        Row{"OperandAfterAValue", {"mount", "-o", "ro", "b"}, "none 0\nmount-b\t\n"},
        Row{"OperandAfterAJoinedValue", {"mount", "-oro", "b"}, "none 0\nmount-b\t\n"},
        Row{"OperandAfterTwoDashes", {"mount", "--", "-d"}, "none 0\nmount--d\t\n"},
        Row{"UnknownFlagWithValue", {"mount", "--nothing=x"}, "none 0\n"},
        Row{"FlagWithoutValue", {"mount", "--debug=x"}, "none 0\n"},
        Row{"CommandWithoutOperands", {"move", ""}, "none 0\n"}),
    [](const auto& row) { return row.param.name; });

TEST(CompletionText, LeavesOutWordsThatNoScriptCanRead) {
  Completion completion;
  completion.offer("", "a\nb");
  completion.offer("", "c");
  EXPECT_EQ(text_of(completion), "none 0\nc\t\n");
}

TEST(CompletionScripts, AreThereForEveryShell) {
  for (const auto shell : completed_shells()) {
    ASSERT_TRUE(completion_script(shell)) << shell;
    EXPECT_TRUE(completion_script(shell)->contains(kCompleteWord)) << shell;
  }
  EXPECT_FALSE(completion_script("csh"));
}

}  // namespace
}  // namespace overpass::command_line
