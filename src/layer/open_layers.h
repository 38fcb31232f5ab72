// SPDX-License-Identifier: MIT
//
// Opens the layers that the user named, checks that they can be used together, and prepares the
// workdir. Everything that can be wrong with a layer is said here, before anything is mounted.

#ifndef OVERPASS_LAYER_OPEN_LAYERS_H_
#define OVERPASS_LAYER_OPEN_LAYERS_H_

#include "base/problem.h"
#include "layer/layer_paths.h"
#include "layer/layer_stack.h"

namespace overpass::layer {

/// The open layers, lowers write-protected where the daemon may do that. On a problem nothing is
/// left behind.
Expected<LayerStack> open_layers(const LayerPaths& paths);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_OPEN_LAYERS_H_
