// SPDX-License-Identifier: MIT
//
// `overpass help`, the version, and the names of commands.

#ifndef OVERPASS_CLI_HELP_H_
#define OVERPASS_CLI_HELP_H_

#include <string_view>
#include <vector>

#include "cli/context.h"

namespace overpass::cli {

/// Null when there is none.
const Command* find_command(const Context& context, std::string_view name);

std::vector<std::string_view> command_names(const Context& context);

/// Whether later versions will have such a command. It is none of context.commands; until then it
/// must not be taken for the NAME of a mount.
bool is_planned_command(std::string_view name);

/// All commands, or those named.
int run_help(Context& context, const Arguments& arguments);

int print_version(Context& context);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_HELP_H_
