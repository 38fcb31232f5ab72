// SPDX-License-Identifier: MIT
//
// Settles which parts of the format the mount uses, now that its layers are open: what their file
// systems cannot do is off, as on overlayfs, with a line in the log if it was asked for.

#ifndef OVERPASS_LAYER_PREPARE_FORMAT_H_
#define OVERPASS_LAYER_PREPARE_FORMAT_H_

#include "base/problem.h"
#include "layer/layer_paths.h"
#include "layer/layer_stack.h"

namespace overpass::layer {

/// Fills in stack.format, stack.format_reasons and, with an index, stack.index; marks the upper's
/// root where the format wants it marked. A problem when the upper or the index belongs to other
/// layers. REQUIRES: everything else of `stack` is filled in, and check_choice() has passed.
Expected<void> prepare_format(LayerStack& stack, const LayerPaths& paths);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_PREPARE_FORMAT_H_
