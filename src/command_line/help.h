// SPDX-License-Identifier: MIT
//
// The table of a command as text for people, and as lines for tests/lint.

#ifndef OVERPASS_COMMAND_LINE_HELP_H_
#define OVERPASS_COMMAND_LINE_HELP_H_

#include <string>
#include <string_view>

#include "command_line/command.h"

namespace overpass::command_line {

/// "  LEFT     HELP", aligned with the other lines of a list; a long `left` has a line of its own.
std::string help_line(std::string_view left, std::string_view help);

/// The flags, below their headings.
std::string help_of_flags(const Command& command);

/// "  LINE", with its meaning below it, for each example; empty if there is none.
std::string help_of_examples(const Command& command);

/// Synopsis, summary and description.
std::string help_of_call(const Command& command);

/// All of it.
std::string help_of(const Command& command);

/// One line for each flag: command, name, letter and argument between tabs. An empty field is "-".
std::string listing_of(const Command& command);

}  // namespace overpass::command_line

#endif  // OVERPASS_COMMAND_LINE_HELP_H_
