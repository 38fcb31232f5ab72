// SPDX-License-Identifier: MIT
//
// Hunks on a terminal, in the form of `diff -u`.

#ifndef OVERPASS_CLI_SHOW_HUNK_H_
#define OVERPASS_CLI_SHOW_HUNK_H_

#include <ostream>
#include <string>

#include "apply/hunks.h"

namespace overpass::cli {

/// The head of what follows.
void show_file(std::ostream& out, const std::string& path);

/// Control characters of the lines are shown as "^X", so that no file can command the terminal.
void show_hunk(std::ostream& out, const apply::Lines& before, const apply::Lines& after,
               const apply::Hunk& hunk);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_SHOW_HUNK_H_
