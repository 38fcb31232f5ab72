// SPDX-License-Identifier: MIT
//
// `overpass help`, and the version.

#ifndef OVERPASS_CLI_HELP_H_
#define OVERPASS_CLI_HELP_H_

#include "cli/context.h"

namespace overpass::cli {

/// All commands, or those named.
int run_help(Context& context, const Arguments& arguments);

int print_version(Context& context);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_HELP_H_
