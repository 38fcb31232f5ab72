// SPDX-License-Identifier: MIT
//
// xattr_permissions= at the start of a mount: which layers keep owners in attributes.

#ifndef OVERPASS_LAYER_PREPARE_OVERRIDE_H_
#define OVERPASS_LAYER_PREPARE_OVERRIDE_H_

#include "base/problem.h"
#include "layer/layer_stack.h"

namespace overpass::layer {

/// Its root tells of a layer, as for fuse-overlayfs(1): without the attribute there is none below.
/// The root of the upper is given it if need be. REQUIRES: the layers are open.
Expected<void> prepare_override(LayerStack& stack, StatOverride kind);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_PREPARE_OVERRIDE_H_
