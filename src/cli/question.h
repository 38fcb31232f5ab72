// SPDX-License-Identifier: MIT
//
// Questions to the user.

#ifndef OVERPASS_CLI_QUESTION_H_
#define OVERPASS_CLI_QUESTION_H_

#include <string>

#include "cli/context.h"

namespace overpass::cli {

/// Whether somebody can be asked: standard input and standard error are terminals.
bool is_on_terminal();

/// Asks on standard error, and waits for a line: whether it is "y" or "yes". REQUIRES:
/// is_on_terminal().
bool says_yes(Context& context, const std::string& question);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_QUESTION_H_
