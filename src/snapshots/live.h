// SPDX-License-Identifier: MIT
//
// Snapshots of a sandbox that runs: its daemons go on with new uppers (the command "freeze" of
// fuse/freeze.h).

#ifndef OVERPASS_SNAPSHOTS_LIVE_H_
#define OVERPASS_SNAPSHOTS_LIVE_H_

#include <string>

#include "base/problem.h"
#include "snapshots/held_sandbox.h"

namespace overpass::snapshots {

/// Takes the running sandbox `name` so that no other command changes its layers. Its keeper has the
/// lock; what is held is another one.
Expected<HeldSandbox> hold_running(const std::string& store, const std::string& name);

/// Makes a snapshot: its label. A problem if a union refuses; then those before it have been
/// frozen, which changes nothing that is seen, and there is no snapshot.
Expected<std::string> snapshot_running(HeldSandbox& held, std::string label);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_LIVE_H_
