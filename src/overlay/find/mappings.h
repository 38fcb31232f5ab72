// SPDX-License-Identifier: MIT
//
// A store into a shared mapping of a passed-through file reaches the file below without FUSE.
// Neither the kernel's FUSE nor the daemon learns of the new times and blocks. So the kernel must
// not keep attributes of a file that may be mapped in this way.

#ifndef OVERPASS_OVERLAY_FIND_MAPPINGS_H_
#define OVERPASS_OVERLAY_FIND_MAPPINGS_H_

#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// Notes that the inode is passed through to an opener that may read and write it. True the first
/// time: then the kernel must be told to forget the attributes that it keeps.
bool note_mappable(Inode& inode, int flags);

/// Finds out whether such an inode may still be mapped; call it before attributes are given. A
/// mapping outlives its handle, but is not hidden: the file below counts as open for writing.
/// L: none of rank Inode on entry.
void recheck_mappings(Overlay& overlay, Inode& inode);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_MAPPINGS_H_
