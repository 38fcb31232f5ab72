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

/// The JSON text.
Expected<std::string> read_status(const std::string& mountpoint);

/// The daemon's process number, when `status` has one.
std::optional<pid_t> daemon_pid(std::string_view status);

/// One line per member: "KEY: VALUE". What is off says why: "KEY: inactive: REASON" for an object
/// with "active", "KEY: VALUE: REASON" where there is a KEY_reason. Other objects and lists are
/// indented lines, counts of zero left out. What names the mount comes first, the requests last. Of
/// copy-ups under way those that take longer than a second are listed.
Expected<std::string> summarize_status(std::string_view status);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_STATUS_REPORT_H_
