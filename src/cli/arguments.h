// SPDX-License-Identifier: MIT
//
// Flags and operands of one command, in any order, as getopt_long(3) understands them: -f, -fd,
// -oVALUE, -o VALUE, --flag VALUE, --flag=VALUE, and "--" before operands only.
//
// By hand and not with CLI11: that library gives "[a]" and "{}" as values a meaning of its own
// (2.1.2 turns the path "[a]" into "a"), and every value here may be a path.

#ifndef OVERPASS_CLI_ARGUMENTS_H_
#define OVERPASS_CLI_ARGUMENTS_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "cli/context.h"

namespace overpass::cli {

/// A flag that a command knows.
struct Flag {
  std::string_view name;      ///< "--lower"; every flag has one.
  char letter = '\0';         ///< 'o' for "-o"; none is '\0'.
  std::string_view argument;  ///< "DIR", or empty when it takes none.
  std::string_view help;
};

struct GivenFlag {
  std::string_view name;  ///< The `name` of its Flag.
  std::string value;
};

struct ParsedArguments {
  std::vector<GivenFlag> flags;  ///< In the order given.
  std::vector<std::string> operands;

  bool has(std::string_view name) const;
};

Expected<ParsedArguments> parse_arguments(const Arguments& arguments, std::span<const Flag> known);

/// One line of help for each flag.
void print_flags(std::ostream& out, std::span<const Flag> flags);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_ARGUMENTS_H_
