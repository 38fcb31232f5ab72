// SPDX-License-Identifier: MIT
//
// Finds a named mount in the user's overpass.toml, else in the system's.

#ifndef OVERPASS_CLI_NAMED_MOUNT_H_
#define OVERPASS_CLI_NAMED_MOUNT_H_

#include <string_view>

#include "cli/context.h"

namespace overpass::cli {

/// The first file that has the name decides. A file that is missing is passed over; one that is
/// wrong is an error, also when the name stands in another.
Expected<config::Options> load_named_mount(const Context& context, std::string_view name);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_NAMED_MOUNT_H_
