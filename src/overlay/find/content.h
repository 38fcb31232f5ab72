// SPDX-License-Identifier: MIT
//
// The file that holds an inode's bytes: its own, or, for a metacopy, one in a layer below.

#ifndef OVERPASS_OVERLAY_FIND_CONTENT_H_
#define OVERPASS_OVERLAY_FIND_CONTENT_H_

#include "base/result.h"
#include "layer/layer_stack.h"
#include "overlay/state/inode.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Caller;
struct Overlay;

struct Content {
  UniqueFd fd;
  layer::LayerIndex layer;  ///< Of the file that holds the bytes.
  /// It is a lower's and was written since it was first seen, or since this was last said.
  bool has_changed = false;
  sys::Stat stat;  ///< Of `fd`; before a truncation, but for the set-id bits it took.
};

/// Opens it with the flags of open(2), without waiting for other processes: `fd` has O_NONBLOCK. It
/// is the regular file that the kernel knows by the inode: ESTALE when another object is in its
/// place, when it permits less than the kernel was told, or when it has changed and changes are
/// refused (lower_changes.h). EIO for a metacopy whose data are
/// missing or are no regular file. kMustWait when another process has a lease on it (fcntl(2));
/// EAGAIN if `flags` have O_NONBLOCK. With O_TRUNC the rights of `truncator` decide which set-id
/// bits the truncation takes; without one the daemon's rights do.
/// L: no lock of rank Inode or beyond is held.
Result<Content> open_content(Overlay& overlay, Inode& inode, int flags,
                             const Caller* truncator = nullptr);

/// open(2) of a file known to be regular. A lease gives the errors of the function above.
Result<UniqueFd> open_regular(sys::Place place, int flags);

/// Opens the data of the metacopy `metacopy` at a known place. EIO with verity=on if their digest
/// differs from the metacopy's, with verity=require also if the metacopy has none. ESTALE when the
/// data are known, and another file is in their place.
Result<Content> open_data(Overlay& overlay, sys::Place metacopy, const DataPlace& data, int flags);

/// The layer of the bytes.
layer::LayerIndex content_layer(const Inode& inode) REQUIRES(inode.mutex);

/// As open_content(), but reading leaves no access time if the mount says so. Without O_NOATIME
/// where only the owner of the file may use it.
/// L: as open_content().
Result<Content> open_quietly(Overlay& overlay, Inode& inode, int flags,
                             const Caller* truncator = nullptr);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_CONTENT_H_
