// SPDX-License-Identifier: MIT
//
// Which mounted union a user means, and what is mounted where, from the text of
// /proc/self/mountinfo.

#ifndef OVERPASS_CLI_MOUNTED_H_
#define OVERPASS_CLI_MOUNTED_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "cli/context.h"

namespace overpass::cli {

/// The type of an overpass mount in the mount table.
constexpr std::string_view kMountType = "fuse.overpass";

/// What the mount table says of a mountpoint: absolute, without symbolic links.
struct MountAt {
  std::string mountpoint;
  std::string type;
};

/// The type of the topmost mount at `mountpoint` (absolute, no symbolic links) according to
/// `mountinfo`, or nothing when it is not a mountpoint.
std::optional<std::string> find_mount_type(std::string_view mountinfo, std::string_view mountpoint);

/// The mount at `path` as the user wrote it; nothing when it is not a mountpoint. Finds a mount
/// whose daemon is dead, too, which cannot be looked at.
std::optional<MountAt> find_mount_at(std::string_view mountinfo, const std::string& path);

/// The mount that `path` lies in. A Problem when there is nothing at `path`.
Expected<MountAt> find_mount_around(std::string_view mountinfo, const std::string& path);

/// The mountpoints of whole unions, in the table's order. One that lies below another mount at the
/// same place is left out, since it cannot be reached.
std::vector<std::string> find_unions(std::string_view mountinfo);

/// The mountpoint of the union that `target` means: its mountpoint, else its NAME in overpass.toml,
/// else a path inside it. It may be dead. A Problem says what `target` is instead.
Expected<std::string> find_mount(const Context& context, const std::string& target);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_MOUNTED_H_
