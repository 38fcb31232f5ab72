// SPDX-License-Identifier: MIT
//
// `overpass apply --to DIR`: the changes of a directory of a sandbox, carried into another one that
// began as that.

#ifndef OVERPASS_CLI_APPLY_TO_H_
#define OVERPASS_CLI_APPLY_TO_H_

#include <string>
#include <vector>

#include "apply/carry_out.h"
#include "snapshots/held_sandbox.h"

namespace overpass::cli {

/// The directory of the sandbox that DIR stands for, without slashes around: `paths` if it is one
/// path, that of --here, or the root.
Expected<std::string> source_of(const snapshots::HeldSandbox& held,
                                const std::vector<std::string>& paths);

/// The changes below `source`, over the directory `to`. What `to` has where the changes begin is
/// stamped if it equals what the outside has there, and the outside is what it was. `is_frozen`:
/// without the upper.
Expected<std::vector<apply::Part>> find_parts_to(const snapshots::HeldSandbox& held,
                                                 const std::string& source, const std::string& to,
                                                 bool is_frozen);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_APPLY_TO_H_
