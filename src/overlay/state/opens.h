// SPDX-License-Identifier: MIT
//
// Questions about an inode's opens, and what they give back when they end.

#ifndef OVERPASS_OVERLAY_STATE_OPENS_H_
#define OVERPASS_OVERLAY_STATE_OPENS_H_

#include "overlay/state/backing.h"
#include "overlay/state/clock_cache.h"
#include "overlay/state/inode.h"
#include "overlay/state/open_mode.h"

namespace overpass::overlay {

/// Whether the kernel may hold bytes of the file that the daemon has not seen yet.
/// L: none of rank Inode on entry.
bool may_have_unwritten_pages(const Inode& inode);

/// Whether a caller may have it open for writing.
/// L: none of rank Inode on entry.
bool may_be_written(const Inode& inode);

/// The handles of the inode that `inode` superseded are closed: nothing but its own keep a file
/// without a name.
void unpin_orphan(Inode& inode);

/// Gives the kept id of `mode` back, if it is not in use.
void drop_idle(ClockCache<BackingId>& idle_backings, const OpenMode& mode);

/// Gives back an idle backing id, which would keep the space of a removed file.
void drop_idle_backing(ClockCache<BackingId>& idle_backings, Inode& inode);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_OPENS_H_
