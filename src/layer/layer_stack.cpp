// SPDX-License-Identifier: MIT
//
// Questions about the stack as a whole.

#include "layer/layer_stack.h"

#include <algorithm>

namespace overpass::layer {

bool LayerStack::all_on_one_device() const {
  const dev_t device = layers.back().device;
  return std::all_of(layers.begin(), layers.end(), [&](const Layer& layer) {
    return !layer.is_present || layer.device == device;
  });
}

}  // namespace overpass::layer
