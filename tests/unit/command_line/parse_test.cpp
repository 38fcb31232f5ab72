// SPDX-License-Identifier: MIT
//
// Flags and operands as getopt_long(3) takes them.

#include "command_line/parse.h"

#include <gtest/gtest.h>

namespace overpass::command_line {
namespace {

constexpr Flag kKnown[] = {
    {"--options", 'o', "OPTS", "options"},
    {"--lower", '\0', "DIR", "a directory"},
    {"--foreground", 'f', "", "stay"},
    {"--debug", 'd', "", "log"},
};
constexpr FlagGroup kGroups[] = {{"Options", kKnown}};
constexpr Command kCommand = {.name = "try",
                              .synopsis = "",
                              .summary = "",
                              .description = "",
                              .groups = kGroups,
                              .examples = {},
                              .operand = Value::Nothing,
                              .help_call = "overpass help"};

/// "--flag=value" for each flag, then "| operand" for each operand.
std::string shape(const Arguments& arguments) {
  const auto parsed = parse(arguments, kCommand);
  if (!parsed) return "error: " + parsed.error().line();
  std::string text;
  for (const GivenFlag& flag : parsed->flags) {
    text += std::string(flag.name) + "=" + flag.value + " ";
  }
  for (const std::string& operand : parsed->operands) text += "|" + operand;
  return text;
}

struct Row {
  const char* name;
  Arguments arguments;
  std::string shape;
};

class ArgumentForms : public testing::TestWithParam<Row> {};

TEST_P(ArgumentForms, AreUnderstood) { EXPECT_EQ(shape(GetParam().arguments), GetParam().shape); }

INSTANTIATE_TEST_SUITE_P(
    Forms, ArgumentForms,
    testing::Values(
        Row{"Nothing", {}, ""}, Row{"Operands", {"a", "b"}, "|a|b"},
        Row{"ShortWithValue", {"-o", "x", "m"}, "--options=x |m"},
        Row{"ShortWithJoinedValue", {"-ox,y", "m"}, "--options=x,y |m"},
        Row{"LongWithValue", {"--lower", "d", "m"}, "--lower=d |m"},
        Row{"LongWithEqualsSign", {"--lower=a=b", "m"}, "--lower=a=b |m"},
        Row{"LongWithEmptyValue", {"--lower=", "m"}, "--lower= |m"},
        Row{"FlagAfterOperand", {"m", "-f"}, "--foreground= |m"},
        Row{"Cluster", {"-fd"}, "--foreground= --debug= "},
        Row{"ClusterEndingInAValue", {"-fo", "x"}, "--foreground= --options=x "},
        Row{"ClusterWithJoinedValue", {"-fox"}, "--foreground= --options=x "},
        Row{"ValueLikeAFlag", {"-o", "-f", "--lower", "--debug"}, "--options=-f --lower=--debug "},
        Row{"EmptyValue", {"-o", ""}, "--options= "}, Row{"EmptyOperand", {""}, "|"},
        Row{"DashIsAnOperand", {"-"}, "|-"},
        Row{"OperandsAfterTwoDashes", {"-f", "--", "-d", "--"}, "--foreground= |-d|--"},
        Row{"Brackets", {"--lower", "[a,b]", "{}"}, "--lower=[a,b] |{}"},
        Row{"Repeated", {"-o", "a", "-o", "b"}, "--options=a --options=b "},
        Row{"UnknownLong",
            {"--lowr", "d"},
            "error: unknown option '--lowr' (did you mean '--lower'?)"},
        Row{"UnknownLongWithValue",
            {"--lowr=d"},
            "error: unknown option '--lowr' (did you mean '--lower'?)"},
        Row{"AbbreviatedLong",
            {"--low", "d"},
            "error: unknown option '--low' (did you mean '--lower'?)"},
        Row{"AbbreviatedLongWithValue",
            {"--low=d"},
            "error: unknown option '--low' (did you mean '--lower'?)"},
        Row{"LettersWithOneThatTakesNoValue",
            {"-f=x"},
            "error: unknown option '-=' ('overpass help' shows the options)"},
        Row{"UnknownShort",
            {"-x"},
            "error: unknown option '-x' ('overpass help' shows the options)"},
        Row{"UnknownInACluster",
            {"-fx"},
            "error: unknown option '-x' ('overpass help' shows the options)"},
        Row{"ValueMissing", {"m", "-o"}, "error: option '-o' needs a value (it takes OPTS)"},
        Row{"LongValueMissing",
            {"--lower"},
            "error: option '--lower' needs a value (it takes DIR)"},
        Row{"ValueNotTaken", {"--debug=1"}, "error: option '--debug' takes no value"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace overpass::command_line
