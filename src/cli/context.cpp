// SPDX-License-Identifier: MIT
//
// Messages carry names from command lines and disks; whatever they contain, one problem stays one
// line.

#include "cli/context.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace overpass::cli {

const Command* find_command(const Context& context, std::string_view name) {
  const auto found = std::ranges::find_if(
      context.commands, [&](const Command& command) { return command.table->name == name; });
  return found == context.commands.end() ? nullptr : &*found;
}

std::vector<std::string_view> command_names(const Context& context) {
  std::vector<std::string_view> names;
  for (const Command& command : context.commands) names.push_back(command.table->name);
  return names;
}

bool writes_to_terminal(const Context& context) {
  return &context.out == &std::cout && ::isatty(STDOUT_FILENO) == 1;
}

int fail_with(Context& context, const Problem& problem, int code) {
  std::string line = problem.line();
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  context.err << "overpass: " << line << '\n' << std::flush;
  return code;
}

}  // namespace overpass::cli
