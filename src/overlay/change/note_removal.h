// SPDX-License-Identifier: MIT
//
// Records names that have gone (state/removals.h). Costs one look where no one has asked for them.

#ifndef OVERPASS_OVERLAY_CHANGE_NOTE_REMOVAL_H_
#define OVERPASS_OVERLAY_CHANGE_NOTE_REMOVAL_H_

#include "base/result.h"
#include "base/scope_exit.h"
#include "overlay/state/inode.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

/// What `operation` returns. If it throws instead, nothing tells how far it came, and everything is
/// recorded as gone.
template <class Operation>
Result<void> or_note_all(Overlay& overlay, Operation operation) {
  ScopeExit note([&] { overlay.removals.add_all(); });
  Result<void> result = operation();
  note.dismiss();
  return result;
}

/// The removal of `name` ended with `error`; 0 is success. A failure that may have come halfway is
/// recorded like a success.
/// L: no lock on entry.
void note_removal(Overlay& overlay, const InodeRef& directory, const char* name, int error);

/// The same for a rename with `flags` of renameat2(2). One of a directory is recorded as that of
/// everything: what is below it has other paths, and names that lowers give may be seen where
/// others were. L: no lock on entry.
void note_rename(Overlay& overlay, const InodeRef& directory, const char* name,
                 const InodeRef& new_directory, const char* new_name, unsigned flags, int error);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_NOTE_REMOVAL_H_
