// SPDX-License-Identifier: MIT
//
// Directories inside a lower that the union must not show as they are there. The upper and its
// workdir may lie in a lower, as they do below "/": shown, every file of the upper would be seen a
// second time and could change behind the union's back. The mountpoint may lie in a lower that is
// used by its path: whoever walked into it there would wait for the union itself.

#ifndef OVERPASS_LAYER_HIDDEN_PATH_H_
#define OVERPASS_LAYER_HIDDEN_PATH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "layer/named_directory.h"

namespace overpass::layer {

struct HiddenPath {
  uint16_t layer;    ///< The lower's LayerIndex.
  std::string path;  ///< From its root: "tmp/upper".
  /// The directory beneath the mountpoint, which is shown instead. Empty: nothing is shown.
  UniqueFd beneath;
};

/// Adds `directory` for the lower `layer`, which was named `lower` and is used through `root`, if
/// it is seen in there. Whether it is.
bool hide(std::vector<HiddenPath>& hidden, uint16_t layer, BorrowedFd root,
          const NamedDirectory& lower, const NamedDirectory& directory);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_HIDDEN_PATH_H_
