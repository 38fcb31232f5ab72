// SPDX-License-Identifier: MIT
//
// What is stored into a shared mapping of a file that is passed through reaches the file below
// without FUSE: neither the kernel's FUSE nor the daemon hears of the new times and blocks. So
// attributes of a file that may be mapped like that are not for the kernel to keep.

#ifndef OVERPASS_OVERLAY_FIND_MAPPINGS_H_
#define OVERPASS_OVERLAY_FIND_MAPPINGS_H_

#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// The inode is passed through to somebody who may read and write it. Whether that is news, so that
/// the kernel has to be told to forget what it keeps.
bool note_mappable(Inode& inode, int flags);

/// To be called before attributes are given: finds out whether such an inode may still be mapped. A
/// mapping outlives its handle, but is not hidden: the file below counts as open for writing.
/// L: none of rank Inode on entry.
void settle_mappings(Overlay& overlay, Inode& inode);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_MAPPINGS_H_
