// SPDX-License-Identifier: MIT
//
// Takes out of a sandbox what was applied, or is discarded: all that a file system of it changes,
// or a part, from its upper and from frozen layers.

#ifndef OVERPASS_CLI_DROP_PART_H_
#define OVERPASS_CLI_DROP_PART_H_

#include <vector>

#include "apply/carry_out.h"
#include "snapshots/held_sandbox.h"

namespace overpass::cli {

/// Decides which layers the parts are taken out of, and fills that in. A Problem if one cannot be:
/// a snapshot or another sandbox has frozen layers that decide on it. What is applied may stay
/// there, as it equals the outside, unless directories were renamed.
Expected<void> choose_layers(const snapshots::HeldSandbox& held, std::vector<apply::Part>& parts,
                             bool is_discarded);

/// Takes what was applied, or is discarded, out of the sandbox. If that is all, snapshots of the
/// file system go, too.
Expected<void> drop_part(snapshots::HeldSandbox& held, const apply::JournalPart& part);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_DROP_PART_H_
