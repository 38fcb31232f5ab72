// SPDX-License-Identifier: MIT
//
// One name of one directory, looked for through the layers.

#ifndef OVERPASS_OVERLAY_LOOKUP_H_
#define OVERPASS_OVERLAY_LOOKUP_H_

#include <vector>

#include "base/result.h"
#include "overlay/entry.h"
#include "overlay/inode.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// What the layers hold under a name.
struct Found {
  layer::LayerIndex layer;                ///< Of the object itself; the topmost for a directory.
  sys::Stat stat;                         ///< As that layer has it.
  std::vector<layer::LayerIndex> lowers;  ///< The lowers of a directory, topmost first.
  FileKey origin;                         ///< What st_ino is made of; kept over a copy-up.
};

/// The entry `name` of `directory`. ENOENT when it does not exist in the union.
/// L: no lock on entry; takes the directory's names shared.
Result<Entry> lookup(Overlay& overlay, const InodeRef& directory, const char* name);

/// Looks in the layers only. ENOENT when no layer shows the name.
/// REQUIRES: directory.directory->names is held.
Result<Found> find_in_layers(Overlay& overlay, Inode& directory, const char* name);

/// The same among the lowers only: whether a whiteout is needed to hide the name.
/// REQUIRES: directory.directory->names is held.
Result<bool> lowers_show(Overlay& overlay, Inode& directory, const char* name);

/// The entry for what was found under `name`: the inode in memory, or a new one.
/// REQUIRES: directory->directory->names is held, and the name is not in the table.
Result<Entry> enter(Overlay& overlay, const InodeRef& directory, const char* name,
                    const Found& found);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_LOOKUP_H_
