// SPDX-License-Identifier: MIT
//
// Copy-up: how a file or directory of a lower comes to be in the upper, before its first change.

#ifndef OVERPASS_OVERLAY_COPY_UP_COPY_UP_H_
#define OVERPASS_OVERLAY_COPY_UP_COPY_UP_H_

#include <sys/types.h>

#include "base/result.h"
#include "overlay/copy_up/copy_extent.h"
#include "overlay/state/caller.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// Makes sure that `inode` and its bytes are in the upper, its parents first. Of a regular file the
/// first `wanted` bytes are needed only: a truncating open needs none. Of several callers one
/// copies and the others wait for it. EROFS without an upper; EPERM for a file that chattr(1)
/// protects, unless `appending` to an append-only one; kMustWait for data, and for the copy of
/// another caller, where `caller` may not wait; else what the file systems report.
/// L: none on entry. May block for long.
Result<void> copy_up(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                     off_t wanted = kWholeFile, bool appending = false);

/// Copies up for a change of attributes or names: with metacopy=on the bytes stay in the lower, and
/// nothing takes long. `despite_protection`: to change the protection itself.
Result<void> copy_up_metadata(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                              bool despite_protection = false);

/// kMustWait where copy_up_metadata() would answer that. Changes nothing: for operations that copy
/// up several files, before the first of them.
Result<void> check_metadata_copy(const Overlay& overlay, const Caller& caller, const Inode& inode);

/// Copies up a directory, which takes no long copy: entries can be made in the upper afterwards.
/// ENOENT when it was removed.
Result<void> copy_up_directory(Overlay& overlay, const InodeRef& directory);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_COPY_UP_H_
