// SPDX-License-Identifier: MIT
//
// Finds a named mount in the user's overpass.toml, else in the system's.

#ifndef OVERPASS_CLI_NAMED_MOUNT_H_
#define OVERPASS_CLI_NAMED_MOUNT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "sandbox/store.h"

namespace overpass::cli {

/// A mount of overpass.toml.
struct NamedMount {
  std::string file;  ///< The one that describes it.
  config::Options options;
};

/// Whether an argument can be a NAME: one with a slash is a path.
bool may_be_name(std::string_view argument);

/// The first file that has the name decides; nothing when none has. A file that is missing is
/// passed over; one that is wrong is an error, also when the name stands in another.
Expected<std::optional<NamedMount>> find_named_mount(const Context& context, std::string_view name);

/// The sandbox that is called so; nothing if there is none, or if a mount of a file has the name:
/// it comes first.
std::optional<sandbox::Sandbox> find_named_sandbox(const Context& context, const std::string& name);

/// The same of a mount, where it is an error that no file has the name.
Expected<NamedMount> load_named_mount(const Context& context, std::string_view name);

/// Where an instance of the template `name` that is called kSampleInstance would be mounted; empty
/// if `name` is no template.
std::string mountpoint_of_template(const Context& context, std::string_view name);
constexpr std::string_view kSampleInstance = "instance";

/// A problem of the mount `name`, in the words of its file and with its place there.
Problem told_of(const NamedMount& named, std::string_view name, const Problem& problem);

/// All names of all files that can be read, for suggestions.
std::vector<std::string> known_mount_names(const Context& context);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_NAMED_MOUNT_H_
