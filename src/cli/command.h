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

struct Command {
  std::string_view name;
  std::string_view synopsis;  ///< After "overpass ".
  std::string_view summary;   ///< One line.
  int (*run)(Context& context, const Arguments& arguments);
  void (*help)(std::ostream& out);  ///< Further lines of help; may be null.
};

std::span<const Command> commands();

/// Null when there is none.
const Command* find_command(std::string_view name);

/// Whether later versions will have such a command. It is none of commands(); until then it must
/// not be taken for the NAME of a mount.
bool is_planned_command(std::string_view name);

/// Runs a whole command line (without the program's name) and returns the exit code.
int run(Context& context, const Arguments& arguments);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_COMMAND_H_
