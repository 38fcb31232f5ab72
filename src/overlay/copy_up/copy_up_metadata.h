// SPDX-License-Identifier: MIT
//
// The attributes of a file, copied to its new self in the upper.

#ifndef OVERPASS_OVERLAY_COPY_UP_COPY_UP_METADATA_H_
#define OVERPASS_OVERLAY_COPY_UP_COPY_UP_METADATA_H_

#include "base/result.h"
#include "layer/layer_stack.h"
#include "overlay/find/warn_once.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// Whether a copy shows the owner and mode of its source.
enum class Likeness { Same, OtherOwnerOrMode };

/// Gives `to` the owner, extended attributes and ACLs, mode and times of `from`, which is in
/// `layer` and whose attributes are `stat` (of layer_stat.h). Marks of the format are not copied.
/// An attribute that the upper's file system does not take is left out if nothing depends on it; an
/// ACL or a security attribute is an error. EOVERFLOW for an owner that the user namespace does not
/// map, as on overlayfs. The owner on disk stays the daemon's if the upper keeps owners in
/// attributes or all files show one owner. copy_up_owner.h says what else a copy may be without.
/// `name` is what the log calls the file.
/// L: none of rank Inode on entry.
Result<Likeness> copy_metadata(const Overlay& overlay, layer::LayerIndex layer, sys::Place from,
                               const sys::Stat& stat, sys::Place to, const UnionName& name);

/// Gives the open regular file or directory `to` the flags of chattr(1) with which `from` is used
/// in another way (S, A), as overlayfs does. Those that protect are marks (protection.h), others
/// are the file system's own affair.
Result<void> copy_flags(sys::Place from, BorrowedFd to);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_COPY_UP_METADATA_H_
