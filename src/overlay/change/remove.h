// SPDX-License-Identifier: MIT
//
// unlink(2) and rmdir(2) on the union.

#ifndef OVERPASS_OVERLAY_CHANGE_REMOVE_H_
#define OVERPASS_OVERLAY_CHANGE_REMOVE_H_

#include "base/result.h"
#include "overlay/state/caller.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// Removes a name that is no directory. ENOENT, EISDIR, EROFS, EPERM (chattr); kMustWait for a file
/// of several links, which is copied up first (indexed_links.h).
/// L: none on entry; the directory's names are held exclusively inside.
Result<void> remove_file(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                         const char* name);

/// Removes a directory that shows no entries. ENOTEMPTY, ENOTDIR and the above; kMustWait for one
/// that lowers have too, or with many whiteouts.
/// L: none on entry; the names of both directories are held exclusively inside.
Result<void> remove_directory(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                              const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_REMOVE_H_
