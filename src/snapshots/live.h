// SPDX-License-Identifier: MIT
//
// What becomes of the layers of a sandbox that runs: its daemons go on with new uppers (the command
// "freeze" of fuse/freeze.h), and without layers that are of no more use (fuse/drop_layers.h).

#ifndef OVERPASS_SNAPSHOTS_LIVE_H_
#define OVERPASS_SNAPSHOTS_LIVE_H_

#include <string>
#include <vector>

#include "base/problem.h"
#include "sandbox/record.h"
#include "snapshots/held_sandbox.h"

namespace overpass::snapshots {

/// Takes the running sandbox `name` so that no other command changes its layers. Its keeper has the
/// lock; what is held is another one.
Expected<HeldSandbox> hold_running(const std::string& store, const std::string& name);

/// Makes a snapshot: its label. A problem if a union refuses; then those before it have been
/// frozen, which changes nothing that is seen, and there is no snapshot.
Expected<std::string> snapshot_running(HeldSandbox& held, std::string label);

/// Freezes all that has been changed, without a snapshot: what its layers have then is not written
/// to any more. A problem as for snapshot_running().
Expected<void> freeze_running(HeldSandbox& held);

/// From here on directories that the outside comes to have do not replace those in use that the
/// sandbox has there, until drop_layers().
Expected<void> hold_directories(const HeldSandbox& held);

/// The same, for one file system; and its directories at `moved`, paths from its root, go on being
/// found when they are moved there.
Expected<void> hold_moved(const HeldSandbox& held, const sandbox::FileSystem& one,
                          const std::vector<std::string>& moved);

/// A name of a frozen layer, with all that is below it.
struct LayerName {
  std::string layer;  ///< Its id.
  std::string path;   ///< From its root.
};

/// Of the frozen layers of `one`, a file system of the record, only those of the ids `kept` stay:
/// in the running sandbox first, if it runs, and then in the record, with the snapshots that are
/// left. Of those that stay `names` go. `stamps` are added to those that the file system has
/// (layer/base_stamp.h).
Expected<void> drop_layers(HeldSandbox& held, sandbox::FileSystem& one,
                           const std::vector<std::string>& kept, const std::string& stamps,
                           const std::vector<LayerName>& names = {});

/// Ends hold_directories(): all frozen layers stay. Best effort.
void release_directories(HeldSandbox& held);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_LIVE_H_
