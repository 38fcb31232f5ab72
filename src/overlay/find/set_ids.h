// SPDX-License-Identifier: MIT
//
// Which set-id bits a change of a file's bytes or owner takes away. As in the kernel's own file
// systems (setattr_should_drop_suidgid()), the rights of the caller decide. The daemon's own system
// calls would go by the daemon's rights, which are neither the superuser's (no CAP_FSETID) nor
// those of a member of the file's group.
//
// File capabilities need none of this: every write takes them away.

#ifndef OVERPASS_OVERLAY_FIND_SET_IDS_H_
#define OVERPASS_OVERLAY_FIND_SET_IDS_H_

#include <sys/types.h>

#include "overlay/state/caller.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// Whether all bits are kept (CAP_FSETID in the initial user namespace).
bool keeps_all_set_ids(const Caller& caller);

/// Whether a set-group-ID bit of a file that its group may not execute is kept, the file being of
/// group `of_file`.
bool keeps_group_mark(const Caller& caller, gid_t of_file);

/// Whether the caller may change the mode of a file of `owner`.
bool may_change_mode_of(const Caller& caller, uid_t owner);

/// The bits of `shown` that fall when `caller` writes; of anything but a regular file none.
mode_t bits_lost_by_write(const Caller& caller, const sys::Stat& shown);

/// For a change of owner, which spares the bits of directories alone, whatever the user's rights.
mode_t bits_lost_by_chown(const Caller& caller, const sys::Stat& shown);

/// Takes away the bits that a change of the bytes or the size of the upper's file at `place` costs;
/// call it before the change. True when bits are left that the change itself must not take: make it
/// with CAP_FSETID then (sys::KeepingSetgid).
bool take_set_ids(const Overlay& overlay, sys::Place place, const Caller& caller);

/// Does so without reading the file's attributes: `stat` has them as on disk, and loses the bits as
/// well.
bool take_set_ids(const Overlay& overlay, sys::Place place, sys::Stat& stat, const Caller& caller);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_SET_IDS_H_
