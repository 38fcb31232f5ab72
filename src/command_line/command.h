// SPDX-License-Identifier: MIT
//
// What a command of a program takes, as one table. The parser, the help, the completion of shells
// and the check that the manual pages are complete all read it.

#ifndef OVERPASS_COMMAND_LINE_COMMAND_H_
#define OVERPASS_COMMAND_LINE_COMMAND_H_

#include <span>
#include <string_view>

namespace overpass::command_line {

/// What a value or an operand is. Shells complete it by this; the parser takes any text.
enum class Value {
  Nothing,
  Text,          ///< Cannot be completed.
  File,          ///< A path.
  Directory,     ///< A path of a directory.
  MountOptions,  ///< What stands after -o.
  Mount,         ///< A named mount of overpass.toml.
  Mounted,       ///< A named mount, or a mountpoint of overpass.
  Sandbox,       ///< The name of a sandbox.
  Command,       ///< A command of the program.
  Shell,         ///< A shell that has completion.
};

/// An option of a command.
struct Flag {
  std::string_view name;      ///< "--lower"; every flag has one.
  char letter = '\0';         ///< 'o' for "-o"; none is '\0'.
  std::string_view argument;  ///< "DIR"; empty if the flag takes none.
  std::string_view help;
  Value value = Value::Text;  ///< What `argument` is.
};

/// The flag that every command has.
inline constexpr Flag kHelpFlag = {"--help", 'h', "", "show this help"};

/// Flags below one heading of the help.
struct FlagGroup {
  std::string_view title;  ///< Without a colon.
  std::span<const Flag> flags;
};

struct Example {
  std::string_view line;
  std::string_view meaning;
};

struct Command {
  std::string_view name;      ///< Empty for a program that has no commands.
  std::string_view synopsis;  ///< With the program's name. A further way to call it is a new line.
  std::string_view summary;   ///< One line.
  std::string_view description;  ///< Text of the help between synopsis and flags; may be empty.
  std::span<const FlagGroup> groups;
  std::span<const Example> examples;
  Value operand = Value::Nothing;
  std::string_view help_call;  ///< How the help of this command is called, for messages.
  /// The first operand ends the options: what follows is another program's.
  bool ends_at_operand = false;
};

/// Calls `visit` with each flag of the command, in the order of the help.
template <class Visit>
void for_each_flag(const Command& command, Visit visit) {
  for (const FlagGroup& group : command.groups) {
    for (const Flag& flag : group.flags) visit(flag);
  }
}

/// The flag that `spelling` ("--lower" or "-o") names; null if there is none.
inline const Flag* find_flag(const Command& command, std::string_view spelling) {
  const Flag* found = nullptr;
  for_each_flag(command, [&](const Flag& flag) {
    const bool is_letter = spelling.size() == 2 && flag.letter != '\0' && spelling[0] == '-' &&
                           spelling[1] == flag.letter;
    if (flag.name == spelling || is_letter) found = &flag;
  });
  return found;
}

}  // namespace overpass::command_line

#endif  // OVERPASS_COMMAND_LINE_COMMAND_H_
