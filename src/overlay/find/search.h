// SPDX-License-Identifier: MIT
//
// One name of one directory, looked for through the layers: merging, whiteouts, opaque directories,
// redirects and metacopies, by the rules of overlayfs
// (Documentation/filesystems/overlayfs.rst, "Directories", "redirect_dir", "Metadata only copy
// up").

#ifndef OVERPASS_OVERLAY_FIND_SEARCH_H_
#define OVERPASS_OVERLAY_FIND_SEARCH_H_

#include "base/result.h"
#include "layer/layer_stack.h"
#include "overlay/find/found.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// ENOENT when no layer shows the name; EPERM for a redirect or metacopy that the mount's options
/// forbid to follow; EIO for a metacopy without data and for marks that cannot be read.
/// Layers above `first` are known not to have the name.
/// REQUIRES: directory.directory->names is held.
Result<Found> find_in_layers(Overlay& overlay, Inode& directory, const char* name,
                             layer::LayerIndex first = layer::kUpper);

/// Searches the lowers only: whether a whiteout is needed to hide the name.
/// REQUIRES: directory.directory->names is held.
Result<bool> lowers_show(Overlay& overlay, Inode& directory, const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_SEARCH_H_
