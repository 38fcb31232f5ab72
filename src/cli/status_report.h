// SPDX-License-Identifier: MIT
//
// What a running mount says of itself: a JSON text in the virtual attribute "overpass.status" of
// its root, and how a person reads it.

#ifndef OVERPASS_CLI_STATUS_REPORT_H_
#define OVERPASS_CLI_STATUS_REPORT_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/problem.h"

namespace overpass::cli {

constexpr const char* kStatusAttribute = "overpass.status";

/// The JSON text. A daemon that is dead is told as such.
Expected<std::string> read_status(const std::string& mountpoint);

/// Whether the daemon of `mountpoint` is dead.
bool is_dead(const std::string& mountpoint);

/// One line for a list of mounts: the mountpoint, then what read_status() gave: the daemon, whether
/// data are passed through, the layers; or why there is no status.
std::string line_of_mount(const std::string& mountpoint, const Expected<std::string>& status);

/// The same as a JSON object: the status, with "mountpoint" as it is here, or "mountpoint" and
/// "error".
std::string json_of_mount(const std::string& mountpoint, const Expected<std::string>& status);

/// The daemon's process number, when `status` has one.
std::optional<pid_t> daemon_pid(std::string_view status);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_STATUS_REPORT_H_
