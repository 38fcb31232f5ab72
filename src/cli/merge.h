// SPDX-License-Identifier: MIT
//
// `overpass apply --merge`: texts that were changed in the sandbox and outside get both, where the
// bytes that both sides began with are kept (layer/kept_base.h).

#ifndef OVERPASS_CLI_MERGE_H_
#define OVERPASS_CLI_MERGE_H_

#include <map>
#include <string>
#include <vector>

#include "apply/carry_out.h"
#include "cli/conflict_files.h"
#include "cli/context.h"
#include "snapshots/held_sandbox.h"

namespace overpass::cli {

/// What has become of the changes that are in conflict with the outside.
struct Merge {
  std::vector<std::string> merged;  ///< Absolute paths.
  std::vector<Overlap> overlaps;
  /// By absolute path: why a change that is in conflict, if it is, is not merged.
  std::map<std::string, std::string> obstacles;
};

/// Merges what can be: the parts have that as `edited` then, over the outside as it is now. What
/// overlaps leaves the parts, and a part of which nothing is left goes. A Problem if nothing can be
/// merged at all. Nothing is changed outside.
Expected<Merge> merge_texts(const snapshots::HeldSandbox& held, std::vector<apply::Part>& parts);

/// Adds to each conflict why it cannot be merged.
void explain_conflicts(std::vector<apply::Conflict>& conflicts, const Merge& merge);

/// Says what is merged, and what is not.
void tell_merge(Context& context, const Merge& merge);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_MERGE_H_
