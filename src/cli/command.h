// SPDX-License-Identifier: MIT
//
// The subcommands, and how a command line finds its own.
//
// The first argument is a subcommand exactly when it is the name of one, or of one to come.
// Everything else is the mount command without its name, as fuse-overlayfs and mount.fuse3 are
// called. A mountpoint or a source that is called like a subcommand is written with a slash
// ("./status").

#ifndef OVERPASS_CLI_COMMAND_H_
#define OVERPASS_CLI_COMMAND_H_

#include <span>
#include <string_view>

#include "cli/context.h"

namespace overpass::cli {

std::span<const Command> commands();

/// Runs a whole command line (without the program's name) and returns the exit code.
int run(Context& context, const Arguments& arguments);

/// The same for a program that was called by the name `program`, which may be a path: as a helper
/// of mount(8), as fuse-overlayfs, or, by any other name, as overpass.
int run_as(Context& context, std::string_view program, const Arguments& arguments);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_COMMAND_H_
