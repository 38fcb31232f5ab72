// SPDX-License-Identifier: MIT
//
// Whose frozen layers are: other sandboxes may have them too (overpass fork), and snapshots.

#ifndef OVERPASS_SNAPSHOTS_OWN_LAYERS_H_
#define OVERPASS_SNAPSHOTS_OWN_LAYERS_H_

#include <set>
#include <string>
#include <vector>

#include "sandbox/record.h"
#include "snapshots/held_sandbox.h"

namespace overpass::snapshots {

/// The ids of the layers that other sandboxes have; of all if that cannot be told.
std::set<std::string> shared_layers(const HeldSandbox& held);

/// The ids of the topmost layers of `place` that neither a snapshot nor another sandbox needs,
/// topmost first. Nobody misses what is taken out of them.
std::vector<std::string> own_layers(const HeldSandbox& held, const sandbox::FileSystem& place);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_OWN_LAYERS_H_
