// SPDX-License-Identifier: MIT
//
// One layer that shows over the lowers what several show.

#ifndef OVERPASS_SNAPSHOTS_MERGED_LAYER_H_
#define OVERPASS_SNAPSHOTS_MERGED_LAYER_H_

#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "layer/layer_stack.h"
#include "snapshots/index_links.h"

namespace overpass::snapshots {

/// What is merged.
struct MergedLayers {
  /// The layers from index 1 on, and what they lie over. There is no upper.
  const layer::LayerStack& stack;
  /// For each index up to the last of these layers, whether its files may get links in the new one.
  std::vector<bool> may_be_linked;
  /// Where each layer can be reached for that; the stack may have read-only clones.
  std::vector<UniqueFd> roots;
};

/// Makes the directories "upper" and, if files have links beside those of the layers, "links" in
/// `home`, which is empty. ECANCELED when stopped; EOPNOTSUPP for a metacopy. On the same file
/// system as the layers.
Result<void> merge_layers(const MergedLayers& layers, BorrowedFd home, const Watch& watch);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_MERGED_LAYER_H_
