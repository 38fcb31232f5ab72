// SPDX-License-Identifier: MIT
//
// Changes as directories that kernel overlayfs can use as uppers.
//
// A plain directory is as a sandbox of the store (sandbox/store.h) that has no frozen layers: it
// has sandbox.toml, and of each file system N/upper and N/base.
//
// A mount stack is as systemd.mstack(7) says: "layer@0" is a link to the directory that was
// changed, and "rw/data" the upper.

#ifndef OVERPASS_ARCHIVE_EXPORT_DIRECTORY_H_
#define OVERPASS_ARCHIVE_EXPORT_DIRECTORY_H_

#include <string>
#include <vector>

#include "base/problem.h"
#include "cli/diff_target.h"
#include "snapshots/held_sandbox.h"
#include "snapshots/index_links.h"
#include "snapshots/layer_walk.h"

namespace overpass::archive {

inline constexpr char kRecordFile[] = "sandbox.toml";
inline constexpr char kLayerPrefix[] = "layer@";
inline constexpr char kLowestLayer[] = "layer@0";

/// Makes the directory `path`, which must not be there yet; nothing is left after a problem.
Expected<void> export_directory(const snapshots::HeldSandbox& held,
                                const std::vector<cli::ComparedUnion>& unions,
                                const std::string& path, const snapshots::Watch& watch);

/// The same. A problem for changes of several file systems, since a stack is one overlay. systemd
/// mounts it with userxattr: directories that were moved are copied whole.
Expected<void> export_mstack(const snapshots::HeldSandbox& held,
                             const std::vector<cli::ComparedUnion>& unions, const std::string& path,
                             const snapshots::Watch& watch);

/// Tells the changes of a union to `sink`.
Expected<void> write_union(const cli::ComparedUnion& one, snapshots::LayerSink& sink,
                           bool tells_moves, const snapshots::Watch& watch);

}  // namespace overpass::archive

#endif  // OVERPASS_ARCHIVE_EXPORT_DIRECTORY_H_
