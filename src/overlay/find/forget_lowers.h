// SPDX-License-Identifier: MIT
//
// Looking anew at all lowers (`overpass refresh`).

#ifndef OVERPASS_OVERLAY_FIND_FORGET_LOWERS_H_
#define OVERPASS_OVERLAY_FIND_FORGET_LOWERS_H_

#include <functional>
#include <string_view>

#include "base/result.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// Drops what is cached of lowers: listings, descriptors, idle backing ids. What is in use stays
/// with its users.
/// L: none on entry.
void forget_cached_lowers(Overlay& overlay);

/// What was refused with lower_changes=refuse is looked for anew.
/// L: none on entry.
void forget_refusals(Overlay& overlay);

/// Compares an inode in memory with what the layers show by now. If that is something else no name
/// leads to the inode any more; else what its lower file is now is what changes are told from.
/// L: none on entry.
void look_anew(Overlay& overlay, Inode& inode);

/// Calls `tell` for each name that a lower of the directory shows and that no inode in memory has.
/// Errors: those of reading the lowers.
/// L: none on entry.
Result<void> for_each_unknown_name(Overlay& overlay, Inode& directory,
                                   const std::function<void(std::string_view name)>& tell);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_FORGET_LOWERS_H_
