// SPDX-License-Identifier: MIT
//
// The owner of a copy in the upper. Root gives the copy the owner and group of the file. Other
// users may own a file without being in its group, and cannot give their copy that group. As with
// cp(1) the copy then has a group of theirs, but its mode gives no user more rights than the file
// gave.

#ifndef OVERPASS_OVERLAY_COPY_UP_COPY_UP_OWNER_H_
#define OVERPASS_OVERLAY_COPY_UP_COPY_UP_OWNER_H_

#include <sys/types.h>

#include "base/result.h"
#include "overlay/find/warn_once.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// `mode` for a copy that has another group than the file. Members of the old group are "others"
/// now, and some of the others are members of the new group. Both classes get only the permissions
/// that both had. No set-id bits.
mode_t mode_with_another_group(mode_t mode);

struct CopyOwner {
  mode_t mode;  ///< What the copy may have. What stays with the daemon must not run as the daemon.
  bool is_given;  ///< False: another owner or group than the file's.
};

/// Gives the copy at `to` the owner and group of the file at `from`, whose attributes are `stat`,
/// as far as the daemon may. Each refusal is told in the log, which names the file by `name`.
/// EOVERFLOW for an owner that the user namespace does not map, as on overlayfs; EPERM.
/// L: none of rank Inode on entry.
Result<CopyOwner> copy_owner(const Overlay& overlay, sys::Place from, const sys::Stat& stat,
                             sys::Place to, const UnionName& name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_COPY_UP_OWNER_H_
