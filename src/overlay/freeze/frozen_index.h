// SPDX-License-Identifier: MIT
//
// The index of an upper that is frozen. A lower has no index: its links are its own. So an upper
// can be frozen only if each copied-up file of several links has all of its names there.

#ifndef OVERPASS_OVERLAY_FREEZE_FROZEN_INDEX_H_
#define OVERPASS_OVERLAY_FREEZE_FROZEN_INDEX_H_

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// The entries of the index. EOPNOTSUPP, with a line in the log, if one stands for names that the
/// upper has not, or if that cannot be told. REQUIRES: as LayerShift; the layers are as before.
Result<std::vector<std::string>> complete_entries(Overlay& overlay);

/// The files `frozen` are reached by their names from now on, and the links to them counted as a
/// lower's. Removes `entries` from what was the `index`, since these count as links, too.
void forget_index(Overlay& overlay, std::span<const InodeRef> frozen, BorrowedFd index,
                  std::span<const std::string> entries);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FREEZE_FROZEN_INDEX_H_
