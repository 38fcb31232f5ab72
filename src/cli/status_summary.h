// SPDX-License-Identifier: MIT
//
// The status of a mount as a person reads it.

#ifndef OVERPASS_CLI_STATUS_SUMMARY_H_
#define OVERPASS_CLI_STATUS_SUMMARY_H_

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

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_STATUS_SUMMARY_H_
