// SPDX-License-Identifier: MIT
//
// What is mounted where, from the text of /proc/self/mountinfo.

#ifndef OVERPASS_CLI_MOUNT_TABLE_H_
#define OVERPASS_CLI_MOUNT_TABLE_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/problem.h"

namespace overpass::cli {

/// The type of an overpass mount in the mount table.
constexpr std::string_view kMountType = "fuse.overpass";

/// The type of the topmost mount at `mountpoint` (absolute, no symbolic links) according to
/// `mountinfo`, or nothing when it is not a mountpoint.
std::optional<std::string> find_mount_type(std::string_view mountinfo, std::string_view mountpoint);

/// An overpass mountpoint as the user wrote it, resolved; works on a mount whose daemon is dead
/// too, which cannot be looked at. A Problem when something else or nothing is mounted there.
Expected<std::string> resolve_overpass_mount(const std::string& path);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_MOUNT_TABLE_H_
