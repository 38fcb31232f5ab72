// SPDX-License-Identifier: MIT
//
// The upper and its workdir: whether they can be used together, and taking them for this mount.

#ifndef OVERPASS_LAYER_OPEN_UPPER_H_
#define OVERPASS_LAYER_OPEN_UPPER_H_

#include "base/problem.h"
#include "layer/layer_paths.h"
#include "layer/layer_stack.h"
#include "layer/named_directory.h"

namespace overpass::layer {

/// The prefix of the marks that whoever mounts may read, where no upper decides it.
Prefix prefix_of_user(const LayerPaths& paths);

/// Fills in what `stack` has of the upper: the layer, the workdir, emptied, the prefix of marks. On
/// a problem the workdir is as it was, but for what an earlier mount had left in it.
/// REQUIRES: paths.work.
Expected<void> open_upper(const NamedDirectory& upper, const LayerPaths& paths, LayerStack& stack);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_OPEN_UPPER_H_
