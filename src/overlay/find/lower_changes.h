// SPDX-License-Identifier: MIT
//
// Lowers that others change while they are below the union (lower_changes=). What the kernel and
// the daemon keep of a lower file or directory is compared with what the lower shows, where the
// lower is looked at anyway; with `refuse` and `follow` also where it would not be.

#ifndef OVERPASS_OVERLAY_FIND_LOWER_CHANGES_H_
#define OVERPASS_OVERLAY_FIND_LOWER_CHANGES_H_

#include "base/result.h"
#include "layer/layer_stack.h"
#include "overlay/state/inode.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// Whether changes of lowers are shown.
bool follows(const Overlay& overlay);

/// Whether the attributes that are shown come from a lower.
/// L: none of rank Inode on entry.
bool is_in_lower(const Inode& inode);

/// Compares a regular file of `layer` with what it was when it was first seen, or noticed last:
/// whether it has changed. ESTALE if it has and changes are refused. `known` is that version; 0 for
/// none so far.
Result<bool> compare_version(const Overlay& overlay, layer::LayerIndex layer, const sys::Stat& stat,
                             uint32_t& known);

/// What there is to say of a file of which compare_version() says so.
inline constexpr char kWasWritten[] = "it was written in the lower since the union first showed it";

/// A line in the log, unless changes are followed, for a file or directory of a lower that has
/// changed. `what` is a clause.
/// L: none of rank Inode on entry.
void tell_of_change(const Overlay& overlay, Inode& inode, const char* what);

/// Before an open that would not look at the file of a lower, where changes are refused or
/// followed. ESTALE if they are refused, or if the file is another. The kernel is told if the file
/// has changed.
/// L: none on entry.
Result<void> look_before_open(Overlay& overlay, Inode& inode);

/// Which state the lowers of a directory are in: another number when names have come or gone. Never
/// 0.
/// L: none of rank Inode or beyond on entry.
Result<uint32_t> listing_version(Overlay& overlay, Inode& directory);

/// Where changes are followed: whether names have come to the lowers of a directory, or gone from
/// them, since it was looked at last. The kernel is to be told (Mount::listing_changed_later).
/// L: none of rank Inode or beyond on entry.
bool look_at_listing(Overlay& overlay, Inode& directory);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_LOWER_CHANGES_H_
