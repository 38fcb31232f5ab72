// SPDX-License-Identifier: MIT
//
// One more lower for a union that is in use (overpass add-layer).

#ifndef OVERPASS_LAYER_ADD_LOWER_H_
#define OVERPASS_LAYER_ADD_LOWER_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/problem.h"
#include "layer/layer_paths.h"
#include "layer/layer_stack.h"

namespace overpass::layer {

/// Opens the directory at `path` and puts it above the lowers of `stack`, whose roots are in it.
/// `paths` are those that the stack was opened by; `mount` is st_dev of the union, in which the
/// directory must not lie. Nothing is written. On a problem the stack is what it was: index=on and
/// metacopy=on tie the upper to the lowers that it began with, and what of the lower has to be
/// hidden must be known for certain.
Expected<void> add_lower(LayerStack& stack, const LayerPaths& paths, const std::string& path,
                         dev_t mount);

/// Puts a lower on top of those that the stack has. `hidden`: paths from its root that are not
/// shown.
void put_on_top(LayerStack& stack, Layer lower, const std::vector<std::string>& hidden);

/// The paths that are hidden in the topmost lower.
std::vector<std::string> hidden_in_topmost(const LayerStack& stack);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_ADD_LOWER_H_
