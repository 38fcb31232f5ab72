// SPDX-License-Identifier: MIT
//
// Makes one layer of all frozen layers of a sandbox, or makes them uppers again.

#ifndef OVERPASS_SNAPSHOTS_SQUASH_H_
#define OVERPASS_SNAPSHOTS_SQUASH_H_

#include "base/problem.h"
#include "snapshots/held_sandbox.h"
#include "snapshots/index_links.h"

namespace overpass::snapshots {

/// Merges the frozen layers of each file system; one snapshot is left, the last. What other
/// sandboxes share stays for these and is copied; all else is linked. When it is stopped or fails,
/// the sandbox is as before. REQUIRES: the sandbox has no unfrozen changes.
Expected<void> squash(HeldSandbox& held, const Watch& watch);

/// The same, but what is merged becomes the uppers, and no snapshot is left.
Expected<void> thaw(HeldSandbox& held, const Watch& watch);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_SQUASH_H_
