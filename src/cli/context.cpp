// SPDX-License-Identifier: MIT
//
// Messages carry names from command lines and disks; whatever they contain, one problem stays one
// line.

#include "cli/context.h"

namespace overpass::cli {

int fail_with(Context& context, const Problem& problem, ExitCode code) {
  std::string line = problem.line();
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  context.err << "overpass: " << line << '\n' << std::flush;
  return code;
}

}  // namespace overpass::cli
