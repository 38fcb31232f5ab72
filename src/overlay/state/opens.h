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

/// Whether a caller may have it, or what it superseded, open.
/// L: none of rank Inode on entry.
bool may_be_open(const Inode& inode);

/// Whether a caller may have it open for writing.
/// L: none of rank Inode on entry.
bool may_be_written(const Inode& inode);

/// Anything but bytes and size of the inode's file has changed, or may change before the mutex is
/// dropped: its copied attributes (attribute_copy.h) are out of date.
void outdate_copy(Inode& inode) REQUIRES(inode.mutex);

/// The size was set.
void outdate_copied_content(Inode& inode) REQUIRES(inode.mutex);

/// The inode's file is another one from now on.
void outdate_whole_copy(Inode& inode) REQUIRES(inode.mutex);

/// The handles of the inode that `inode` superseded are closed: nothing but its own keep a file
/// without a name.
void unpin_orphan(Inode& inode);

/// Gives the kept id of `mode` back, if it is not in use.
void drop_idle(ClockCache<BackingId>& idle_backings, const OpenMode& mode);

/// Gives back an idle backing id, which would keep the space of a removed file.
void drop_idle_backing(ClockCache<BackingId>& idle_backings, Inode& inode);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_OPENS_H_
