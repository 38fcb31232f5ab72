// SPDX-License-Identifier: MIT
//
// A directory of the upper in which a name is about to change: what create, link, remove and rename
// have in common.

#ifndef OVERPASS_OVERLAY_CHANGE_UPPER_NAMES_H_
#define OVERPASS_OVERLAY_CHANGE_UPPER_NAMES_H_

#include "base/result.h"
#include "overlay/state/inode.h"
#include "overlay/state/shared_fd.h"

namespace overpass::overlay {

struct Overlay;

/// What the upper has under a name that the union does not show.
enum class SlotState {
  Free,
  Whiteout,  ///< A device 0:0 is in the way and has to be replaced.
};

/// Copies `directory` up and gives its descriptor in the upper. EROFS, ENOENT when it was removed,
/// EPERM when chattr(1) made it immutable in its lower, or append-only and `removing`.
/// L: none on entry.
Result<SharedFd> upper_for_change(Overlay& overlay, const InodeRef& directory,
                                  bool removing = false);

/// Whether the name can be made at all: EPERM for names of the format, and for those that the
/// directory's lowers have and the union hides.
Result<void> check_new_name(const Inode& directory, const char* name);

/// What is in the way of making `name`. EEXIST when the upper shows it.
/// REQUIRES: the directory's names are held exclusively.
Result<SlotState> slot_state(const Overlay& overlay, BorrowedFd upper, const char* name);

/// Whether the upper's file at `place` is a whiteout.
Result<bool> hides_in_upper(const Overlay& overlay, sys::Place place, const sys::Stat& stat);

/// Whether a new directory `name` would show what lowers have under it unless it is marked opaque.
/// REQUIRES: the directory's names are held exclusively.
Result<bool> needs_opaque(Overlay& overlay, Inode& directory, const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_UPPER_NAMES_H_
