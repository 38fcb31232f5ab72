// SPDX-License-Identifier: MIT
//
// renameat2(2) on the union.

#ifndef OVERPASS_OVERLAY_CHANGE_RENAME_H_
#define OVERPASS_OVERLAY_CHANGE_RENAME_H_

#include "base/result.h"
#include "overlay/state/caller.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

struct RenameEnd {
  const InodeRef& directory;
  const char* name;
};

/// Renames, with RENAME_NOREPLACE or RENAME_EXCHANGE in `flags`; EINVAL for RENAME_WHITEOUT, as on
/// overlayfs. EXDEV for a directory that is in a lower: its content cannot move.
/// kMustWait as for copy_up_metadata(), and where it replaces a directory that lowers have entries
/// in. L: none on entry; the names of the directories are held exclusively inside.
Result<void> rename(Overlay& overlay, const Caller& caller, RenameEnd from, RenameEnd to,
                    unsigned flags);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_RENAME_H_
