// SPDX-License-Identifier: MIT
//
// Reads what the lowers of a directory show together.

#ifndef OVERPASS_OVERLAY_FIND_LIST_LOWERS_H_
#define OVERPASS_OVERLAY_FIND_LIST_LOWERS_H_

#include <memory>

#include "base/result.h"
#include "overlay/state/inode.h"
#include "overlay/state/lower_names.h"

namespace overpass::overlay {

struct Overlay;

/// The listing of `directory`'s lowers; read now if it is not in memory.
Result<std::shared_ptr<const LowerNames>> lower_names_of(Overlay& overlay, Inode& directory);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_LIST_LOWERS_H_
