// SPDX-License-Identifier: MIT
//
// What the options of a mount say of its layers.

#ifndef OVERPASS_FUSE_LAYER_PATHS_OF_H_
#define OVERPASS_FUSE_LAYER_PATHS_OF_H_

#include "config/options.h"
#include "layer/layer_paths.h"

namespace overpass::fuse {

layer::LayerPaths layer_paths_of(const config::Options& options);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_LAYER_PATHS_OF_H_
