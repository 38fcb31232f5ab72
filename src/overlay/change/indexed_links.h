// SPDX-License-Identifier: MIT
//
// The effect of changed names on an indexed file (index.h): its links in the upper, and the count
// in the nlink mark.

#ifndef OVERPASS_OVERLAY_CHANGE_INDEXED_LINKS_H_
#define OVERPASS_OVERLAY_CHANGE_INDEXED_LINKS_H_

#include "base/result.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// The lower file of several links under `name`; empty for other files, and without an index. Copy
/// it up (copy_up_metadata()) before the name goes, since the mark that keeps the number of its
/// links is the copy's. ENOENT. L: none on entry; takes the directory's names shared.
Result<InodeRef> shared_lower_at(Overlay& overlay, const InodeRef& directory, const char* name);

/// Before an indexed file gets a name in the upper and in the union. Nothing for others.
Result<void> begin_new_link(Overlay& overlay, Inode& inode) REQUIRES(inode.mutex);

/// Before it loses one, which the upper has. Names known to be left keep its count above zero, and
/// so keep the entry: names may have been linked into the lower since they were counted.
Result<void> begin_removal(Overlay& overlay, Inode& inode) REQUIRES(inode.mutex);

/// After it lost one: the entry of a file without names goes.
void drop_index_of_last(Overlay& overlay, Inode& inode) REQUIRES(inode.mutex);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_INDEXED_LINKS_H_
