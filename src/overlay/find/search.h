// SPDX-License-Identifier: MIT
//
// One name of one directory, looked for through the layers: merging, whiteouts, opaque directories,
// redirects and metacopies, by the rules of overlayfs
// (Documentation/filesystems/overlayfs.rst, "Directories", "redirect_dir", "Metadata only copy
// up").

#ifndef OVERPASS_OVERLAY_FIND_SEARCH_H_
#define OVERPASS_OVERLAY_FIND_SEARCH_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "layer/protattr_mark.h"
#include "overlay/find/index.h"
#include "overlay/state/inode.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// What the layers hold under a name.
struct Found {
  layer::LayerIndex layer;                 ///< Of the object itself; the topmost for a directory.
  sys::Stat stat;                          ///< As that layer has it.
  KnownObject known;                       ///< The object, as the disk has it.
  std::vector<layer::LayerIndex> lowers;   ///< The lowers of a directory, topmost first.
  std::vector<Identity> lower_identities;  ///< Which directories these are.
  FileKey origin;                          ///< What st_ino is made of; kept over a copy-up.
  std::unique_ptr<Relocation> relocation;  ///< When some of the lowers were found elsewhere.
  std::unique_ptr<DataPlace> data;         ///< When the object is a metacopy.
  std::optional<IndexEntry> index;         ///< When it is reached by the index; then `layer` is
                                           ///< the upper, and `stat` that of the entry.
  bool is_new = false;                     ///< Just made: no inode in memory can be this file.
  layer::ProtectionMark protection;        ///< By chattr(1).
  /// Of a lower file with several links that are to stay one file.
  FileKey shared_lower;
};

/// ENOENT when no layer shows the name; EPERM for a redirect or metacopy that the mount's options
/// forbid to follow; EIO for a metacopy without data and for marks that cannot be read.
/// Layers above `first` are known not to have the name.
/// REQUIRES: directory.directory->names is held.
Result<Found> find_in_layers(Overlay& overlay, Inode& directory, const char* name,
                             layer::LayerIndex first = layer::kUpper);

/// The same among the lowers only: whether a whiteout is needed to hide the name.
/// REQUIRES: directory.directory->names is held.
Result<bool> lowers_show(Overlay& overlay, Inode& directory, const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_SEARCH_H_
