// SPDX-License-Identifier: MIT
//
// `overpass apply -p`: asks for each change, and of a text that was modified for each hunk, whether
// it is wanted; with the keys of `git add -p`.

#ifndef OVERPASS_CLI_PICK_H_
#define OVERPASS_CLI_PICK_H_

#include <vector>

#include "apply/carry_out.h"
#include "cli/context.h"

namespace overpass::cli {

/// Leaves in the parts what the user wants; a part of which nothing is wanted goes. `to_outside`:
/// what they are taken to is what they are over. A problem if a file cannot be read. REQUIRES:
/// is_on_terminal().
Expected<void> pick(Context& context, std::vector<apply::Part>& parts, bool to_outside);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_PICK_H_
