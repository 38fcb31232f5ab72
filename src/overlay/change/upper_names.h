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

/// The state in the upper of a name that the union does not show.
enum class SlotState {
  Free,
  Whiteout,  ///< A device 0:0 is in the way and must be replaced.
};

/// Whether names in `directory` can change: ENOTDIR, EROFS, EPERM when chattr(1) made it immutable
/// in its lower, or append-only and `removing`. Changes nothing.
Result<void> check_changeable(const Overlay& overlay, const Inode& directory,
                              bool removing = false);

/// Copies `directory` up and gives its descriptor in the upper. ENOENT when it was removed, and as
/// check_changeable(). L: none on entry.
Result<SharedFd> upper_for_change(Overlay& overlay, const InodeRef& directory,
                                  bool removing = false);

/// Whether the name can be made at all: EPERM for names of the format, and for those that the
/// directory's lowers have and the union hides.
Result<void> check_new_name(const Inode& directory, const char* name);

/// The obstacle to making `name`. EEXIST when the upper shows the name.
/// REQUIRES: the directory's names are held exclusively.
Result<SlotState> slot_state(const Overlay& overlay, BorrowedFd upper, const char* name);

/// Whether the upper's file at `place` is a whiteout.
Result<bool> hides_in_upper(const Overlay& overlay, sys::Place place, const sys::Stat& stat);

/// A descriptor to reach the upper file of `inode` after it loses its name; null when it is not in
/// the upper. ESTALE when the name leads to another object.
/// L: none of rank Inode on entry.
Result<SharedFd> orphan_of(const Overlay& overlay, Inode& inode, BorrowedFd upper,
                           const char* name);

/// ESTALE unless the name leads to the upper's file or directory that is `inode`, with the owner
/// and at least the permissions that the kernel was told of.
/// L: none of rank Inode on entry.
Result<void> check_upper(const Overlay& overlay, Inode& inode, sys::Place place);

/// Whether a new directory `name` would show what lowers have under it unless it is marked opaque.
/// REQUIRES: the directory's names are held exclusively.
Result<bool> needs_opaque(Overlay& overlay, Inode& directory, const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_UPPER_NAMES_H_
