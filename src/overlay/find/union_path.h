// SPDX-License-Identifier: MIT
//
// The path of an inode in the union, by the names in memory.

#ifndef OVERPASS_OVERLAY_FIND_UNION_PATH_H_
#define OVERPASS_OVERLAY_FIND_UNION_PATH_H_

#include <string>
#include <vector>

#include "overlay/state/inode.h"

namespace overpass::overlay {

/// The names from the root to `inode` by its first name, which it may have lost since; none for the
/// root.
/// L: none of rank Inode on entry.
std::vector<std::string> names_to(Inode& inode);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_UNION_PATH_H_
