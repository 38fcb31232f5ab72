// SPDX-License-Identifier: MIT
//
// LOOKUP: the inode of a name.

#ifndef OVERPASS_OVERLAY_FIND_LOOKUP_H_
#define OVERPASS_OVERLAY_FIND_LOOKUP_H_

#include "base/result.h"
#include "overlay/find/search.h"
#include "overlay/state/entry.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// The entry `name` of `directory`. ENOENT when it does not exist in the union.
/// L: no lock on entry; takes the directory's names shared.
Result<Entry> lookup(Overlay& overlay, const InodeRef& directory, const char* name);

/// The entry of an inode in memory that a name leads to. ENOENT when its file went away behind our
/// back: no name leads to the inode then, and what the layers show now is the truth. ESTALE when
/// changes of lowers are refused.
/// L: none of rank Inode on entry.
Result<Entry> known_entry(Overlay& overlay, const InodeRef& known);

/// The directory that `directory` is in; the root is in itself. ESTALE when it has been removed.
/// L: no lock on entry.
Result<Entry> lookup_parent(Overlay& overlay, const InodeRef& directory);

/// The entry for what was found under `name`: the inode in memory, or a new one.
/// REQUIRES: directory->directory->names is held, and the name is not in the table.
Result<Entry> enter(Overlay& overlay, const InodeRef& directory, const char* name, Found found);

/// The key by which two names are known to be of one file; empty for an object with one name.
FileKey key_of(const Found& found);
/// The same, empty as well for a file whose other names cannot be looked up later.
FileKey shared_key_of(const Found& found);

/// Says of a new inode, which nothing else knows, what was found.
void describe(Inode& inode, Found& found);

/// The inode of `name` in `directory`: from memory, or looked up in the layers.
/// REQUIRES: the directory's names are held exclusively.
Result<InodeRef> inode_of(Overlay& overlay, const InodeRef& directory, const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_LOOKUP_H_
