// SPDX-License-Identifier: MIT

#include "cli/question.h"

#include <unistd.h>

#include <iostream>

namespace overpass::cli {

bool is_on_terminal() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

bool says_yes(Context& context, const std::string& question) {
  context.err << question << " [y/N] " << std::flush;
  std::string line;
  return std::getline(std::cin, line) && (line == "y" || line == "yes");
}

}  // namespace overpass::cli
