// SPDX-License-Identifier: MIT
//
// The mounted union that a user means.

#ifndef OVERPASS_CLI_MOUNT_TARGET_H_
#define OVERPASS_CLI_MOUNT_TARGET_H_

#include <string>

#include "base/problem.h"
#include "cli/context.h"

namespace overpass::cli {

/// The mountpoint of the union that `target` means: its mountpoint, else its NAME in overpass.toml,
/// else a path inside it. It may be dead. A Problem says what `target` is instead.
Expected<std::string> find_mount(const Context& context, const std::string& target);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_MOUNT_TARGET_H_
