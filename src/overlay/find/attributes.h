// SPDX-License-Identifier: MIT
//
// stat(2) on the union.

#ifndef OVERPASS_OVERLAY_FIND_ATTRIBUTES_H_
#define OVERPASS_OVERLAY_FIND_ATTRIBUTES_H_

#include "base/result.h"
#include "overlay/find/locate.h"
#include "overlay/state/entry.h"
#include "overlay/state/inode.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// A layer's attributes of a file, turned into those that the union shows: the union's inode
/// number, the owner that the mount shows, and one link for a directory that is merged from several
/// (overlayfs's convention: not counted). `stat` is of layer_stat.h.
sys::Stat shown(const Overlay& overlay, const Inode& inode, sys::Stat stat);

/// L: none of rank Inode on entry.
Result<sys::Stat> attributes(Overlay& overlay, const InodeRef& inode);

/// The entry of an inode in memory.
/// L: none of rank Inode on entry.
Result<Entry> entry_of(Overlay& overlay, const InodeRef& inode);

/// Whether the kernel may keep `stat` as the attributes of this node. Not where they can change
/// without its knowledge: a superseded node and its successor, while both are there, are written
/// through each other; set-id bits fall; what is mapped is stored into (mappings.h).
bool may_cache_attributes(const Inode& inode, const sys::Stat& stat);

/// Attributes of a located object; the blocks of a metacopy are those of its data. The inode
/// remembers them as told to the kernel. `located` holds the inode's mutex.
Result<sys::Stat> attributes_of_located(const Overlay& overlay, Inode& inode,
                                        const Located& located);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_ATTRIBUTES_H_
