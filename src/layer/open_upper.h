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

/// The prefix of the marks that the mounting user may read, where no upper decides it.
Prefix prefix_of_user(const LayerPaths& paths);

/// Fills in the upper's part of `stack`: the layer, the emptied workdir, the prefix of marks. After
/// a problem the workdir is as it was, without what an earlier mount left in it.
/// REQUIRES: paths.work.
Expected<void> open_upper(const NamedDirectory& upper, const LayerPaths& paths, LayerStack& stack);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_OPEN_UPPER_H_
