// SPDX-License-Identifier: MIT
//
// `overpass mount`, and the same without the word.

#ifndef OVERPASS_CLI_MOUNT_H_
#define OVERPASS_CLI_MOUNT_H_

#include "cli/context.h"

namespace overpass::cli {

int run_mount(Context& context, const Arguments& arguments);

/// A command line that begins with no subcommand.
int run_bare_mount(Context& context, const Arguments& arguments);

void help_mount(std::ostream& out);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_MOUNT_H_
