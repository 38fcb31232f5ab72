// SPDX-License-Identifier: MIT
//
// A command's table as text.

#include "command_line/help.h"

#include <gtest/gtest.h>

namespace overpass::command_line {
namespace {

constexpr Flag kFlags[] = {{"--options", 'o', "OPTS", "options"},
                           {"--a-flag-with-a-long-name", '\0', "DIR", "a directory"}};
constexpr Flag kMore[] = {{"--debug", 'd', "", "log"}};
constexpr FlagGroup kGroups[] = {{"Layers", kFlags}, {"Daemon", kMore}};
constexpr Example kExamples[] = {{"try this", "It does that."}};
constexpr Command kCommand = {.name = "try",
                              .synopsis = "try [OPTIONS]",
                              .summary = "do it",
                              .description = "With care.",
                              .groups = kGroups,
                              .examples = kExamples,
                              .operand = Value::Nothing,
                              .help_call = "try --help"};

TEST(Help, HasAllOfTheTableInItsGroups) {
  EXPECT_EQ(help_of(kCommand),
            "try [OPTIONS]\n"
            "    do it\n"
            "\n"
            "With care.\n"
            "\n"
            "Layers:\n"
            "  -o, --options OPTS          options\n"
            "      --a-flag-with-a-long-name DIR\n"
            "                              a directory\n"
            "\n"
            "Daemon:\n"
            "  -d, --debug                 log\n"
            "\n"
            "Examples:\n"
            "  try this\n"
            "      It does that.\n");
}

TEST(Help, ListsFlagsForOtherPrograms) {
  EXPECT_EQ(listing_of(kCommand),
            "try\t--options\to\tOPTS\n"
            "try\t--a-flag-with-a-long-name\t-\tDIR\n"
            "try\t--debug\td\t-\n");
}

}  // namespace
}  // namespace overpass::command_line
