// SPDX-License-Identifier: MIT
//
// Opens the layers of a union for looking at them. Nothing is locked, prepared or written, so that
// the union may be mounted meanwhile. Where that is permitted each layer is a read-only clone of
// its mount.

#ifndef OVERPASS_CHANGES_LAYERS_H_
#define OVERPASS_CHANGES_LAYERS_H_

#include "base/problem.h"
#include "layer/layer_paths.h"
#include "layer/layer_stack.h"

namespace overpass::changes {

/// The layers, the upper at index 0 (absent if `paths` has none); workdir and index stay empty.
/// Redirects and metacopies are followed unless `paths.format` forbids it: what wrote them, showed
/// them. Owners kept in attributes are read if the root of a layer has them. A layer that the union
/// itself covers at `paths.mountpoint`, if that is named, is opened beneath it, or is a Problem.
Expected<layer::LayerStack> open_layers(const layer::LayerPaths& paths);

}  // namespace overpass::changes

#endif  // OVERPASS_CHANGES_LAYERS_H_
