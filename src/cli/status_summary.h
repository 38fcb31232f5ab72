// SPDX-License-Identifier: MIT
//
// The status of a mount as a person reads it.

#ifndef OVERPASS_CLI_STATUS_SUMMARY_H_
#define OVERPASS_CLI_STATUS_SUMMARY_H_

#include <chrono>
#include <string>
#include <string_view>

#include "base/problem.h"

namespace overpass::cli {

/// What read_status() gave, in sections with a heading. A line for each member: "KEY: VALUE". What
/// is off says why: "KEY: inactive: REASON" for an object with "active", "KEY: VALUE: REASON" where
/// there is a KEY_reason. Counts of zero are left out of objects. Of copy-ups under way those that
/// take longer than a second are listed. Requests are a table, with how long they took. A Problem
/// for a text that is no status.
Expected<std::string> summarize_status(std::string_view status);

/// The same a while after `before` was the status: the table also has how many requests there have
/// been a second since.
Expected<std::string> summarize_status(std::string_view status, std::string_view before,
                                       std::chrono::duration<double> while_between);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_STATUS_SUMMARY_H_
