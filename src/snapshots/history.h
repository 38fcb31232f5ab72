// SPDX-License-Identifier: MIT
//
// Snapshots of a sandbox that does not run: made, returned to, and shared with new sandboxes. No
// data is copied.

#ifndef OVERPASS_SNAPSHOTS_HISTORY_H_
#define OVERPASS_SNAPSHOTS_HISTORY_H_

#include <optional>
#include <string>

#include "base/problem.h"
#include "sandbox/layer_store.h"
#include "snapshots/held_sandbox.h"
#include "snapshots/index_links.h"

namespace overpass::snapshots {

/// Gives all uppers the names that lead to their files by the index only (index_links.h), so that
/// they alone say what has changed.
Expected<void> link_all_indexed_names(const HeldSandbox& held, const Watch& watch);

/// Freezes the upper of one file system of the sandbox, and gives it a new one. In the record only:
/// commit() makes it true, and nothing has changed until then. The id of the layer. REQUIRES:
/// nobody has the upper mounted, and what it lies over is mounted at its place.
Expected<std::string> freeze_upper(const sandbox::Sandbox& sandbox, sandbox::Record& record,
                                   sandbox::FileSystem& place, const sandbox::LayerHold& hold,
                                   const Watch& watch);

/// Whether the upper changes anything. What cannot be read may do so.
bool is_changed(const sandbox::Sandbox& sandbox, const sandbox::Record& record,
                const sandbox::FileSystem& place);

/// The label of a new snapshot: `label`, or a number if it is empty. A problem if there is such a
/// label already; `name` is the sandbox's.
Expected<std::string> label_of(const sandbox::Record& record, std::string label,
                               const std::string& name);

/// Whether anything was changed since the last snapshot, or ever: an upper that has a name, or
/// whose root has other attributes. File systems that are not there any more do not count.
bool has_unfrozen_changes(const HeldSandbox& held);

/// Makes a snapshot: its label, which is a number if `label` is empty. A problem if there is such a
/// label already.
Expected<std::string> snapshot(HeldSandbox& held, std::string label, const Watch& watch);

/// Drops what came after the snapshot `label`, or after the last one if it is empty: the label.
Expected<std::string> rollback(HeldSandbox& held, const std::string& label);

/// Makes the sandbox `name`, with the changes and snapshots of `held`. REQUIRES: `held` has no
/// unfrozen changes.
Expected<void> fork(const HeldSandbox& held, const std::string& name);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_HISTORY_H_
