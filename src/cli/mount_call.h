// SPDX-License-Identifier: MIT
//
// What a mount is called with, turned into Options: the flags, every -o, the operands, and the
// named mount they may mean.
//
// Operands: with lower directories on the command line, [SOURCE] MOUNTPOINT, where SOURCE only is
// shown by mount(8). Without any, NAME [MOUNTPOINT], where NAME is a mount in overpass.toml. A
// union without lowers cannot be, so nothing is ambiguous.

#ifndef OVERPASS_CLI_MOUNT_CALL_H_
#define OVERPASS_CLI_MOUNT_CALL_H_

#include <optional>
#include <string>

#include "command_line/parse.h"
#include "config/options.h"

namespace overpass::cli {

using command_line::ParsedArguments;

/// The NAME of the call, or nothing when it gives lower directories itself.
Expected<std::optional<std::string>> find_mount_name(const ParsedArguments& parsed);

/// What the call says, over `named` when it has a NAME. Paths are as they were given.
Expected<config::Options> read_mount_call(const ParsedArguments& parsed,
                                          const std::optional<config::Options>& named);

/// Makes every path absolute, as it will still be right when the daemon has left the current
/// directory. Fails when that directory is gone.
Expected<void> resolve_paths(config::Options& options);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_MOUNT_CALL_H_
