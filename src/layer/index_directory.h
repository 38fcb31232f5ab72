// SPDX-License-Identifier: MIT
//
// The index directory ("index" in the workdir): where it is, and which layers it belongs to. With
// index=on two marks bind the layers together, as on overlayfs: the upper's root says which lower
// root it came from, the index says which upper it belongs to. Entries of the index are
// src/overlay's.

#ifndef OVERPASS_LAYER_INDEX_DIRECTORY_H_
#define OVERPASS_LAYER_INDEX_DIRECTORY_H_

#include "base/problem.h"
#include "layer/layer_stack.h"

namespace overpass::layer {

/// Opens the index of `stack`, or makes it, after comparing both marks; sets those that are not
/// there yet. A mark that says otherwise is a problem, and nothing has been changed then. What a
/// crash left in the index is cleared away.
/// REQUIRES: an upper, and file systems that give file handles.
Expected<void> open_index(LayerStack& stack);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_INDEX_DIRECTORY_H_
