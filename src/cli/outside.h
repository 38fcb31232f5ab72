// SPDX-License-Identifier: MIT
//
// What this process sees of the outside, as a sandbox will show it.

#ifndef OVERPASS_CLI_OUTSIDE_H_
#define OVERPASS_CLI_OUTSIDE_H_

#include <vector>

#include "base/problem.h"
#include "sandbox/mount_plan.h"

namespace overpass::cli {

/// The mounts of a sandbox with that scope. A problem if it would open the store.
Expected<std::vector<sandbox::PlannedMount>> plan_outside(const sandbox::Scope& scope);

/// Whether files of the outside have owners that are not mapped here, or that this user cannot give
/// to copies.
bool needs_one_owner();

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_OUTSIDE_H_
