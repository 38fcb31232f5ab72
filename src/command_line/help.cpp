// SPDX-License-Identifier: MIT

#include "command_line/help.h"

namespace overpass::command_line {

namespace {

constexpr size_t kColumn = 30;  ///< Where the explanations begin.

std::string spelling(const Flag& flag) {
  std::string text = flag.letter == '\0' ? "    " : std::string("-") + flag.letter + ", ";
  text += flag.name;
  if (!flag.argument.empty()) text += " " + std::string(flag.argument);
  return text;
}

std::string field(std::string_view text) { return "\t" + std::string(text.empty() ? "-" : text); }

}  // namespace

std::string help_line(std::string_view left, std::string_view help) {
  std::string line = "  " + std::string(left);
  line += line.size() < kColumn ? std::string(kColumn - line.size(), ' ')
                                : "\n" + std::string(kColumn, ' ');
  return line + std::string(help) + "\n";
}

std::string help_of_flags(const Command& command) {
  std::string text;
  for (const FlagGroup& group : command.groups) {
    text += "\n" + std::string(group.title) + ":\n";
    for (const Flag& flag : group.flags) text += help_line(spelling(flag), flag.help);
  }
  return text;
}

std::string help_of_examples(const Command& command) {
  if (command.examples.empty()) return "";
  std::string text = "\nExamples:\n";
  for (const Example& example : command.examples) {
    text += "  " + std::string(example.line) + "\n      " + std::string(example.meaning) + "\n";
  }
  return text;
}

std::string help_of_call(const Command& command) {
  std::string text = std::string(command.synopsis) + "\n    " + std::string(command.summary) + "\n";
  if (!command.description.empty()) text += "\n" + std::string(command.description) + "\n";
  return text;
}

std::string help_of(const Command& command) {
  return help_of_call(command) + help_of_flags(command) + help_of_examples(command);
}

std::string listing_of(const Command& command) {
  std::string text;
  for_each_flag(command, [&](const Flag& flag) {
    const char letter = flag.letter == '\0' ? '-' : flag.letter;
    text += std::string(command.name.empty() ? "-" : command.name) + field(flag.name) + "\t" +
            letter + field(flag.argument) + "\n";
  });
  return text;
}

}  // namespace overpass::command_line
