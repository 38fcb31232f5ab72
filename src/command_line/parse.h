// SPDX-License-Identifier: MIT
//
// Flags and operands of one command line, in any order, by getopt_long(3): -f, -fd, -oVALUE,
// -o VALUE, --flag VALUE, --flag=VALUE, and "--" before operands only. A long flag is written out:
// an abbreviation is an error that names the flag, since a later version may have a second one that
// begins so.

#ifndef OVERPASS_COMMAND_LINE_PARSE_H_
#define OVERPASS_COMMAND_LINE_PARSE_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "command_line/command.h"

namespace overpass::command_line {

using Arguments = std::vector<std::string>;

struct GivenFlag {
  std::string_view name;  ///< The `name` of its Flag.
  std::string value;
};

struct ParsedArguments {
  std::vector<GivenFlag> flags;  ///< In the order given.
  std::vector<std::string> operands;
  bool is_separated = false;  ///< "--" stands before the operands, or the last of them.

  bool has(std::string_view name) const;
};

/// Reads the words after the name of the program or command. Not for several threads at a time:
/// getopt_long(3) keeps its place in globals.
Expected<ParsedArguments> parse(const Arguments& arguments, const Command& command);

}  // namespace overpass::command_line

#endif  // OVERPASS_COMMAND_LINE_PARSE_H_
