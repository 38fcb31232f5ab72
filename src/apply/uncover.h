// SPDX-License-Identifier: MIT
//
// An opaque directory hides all that the lowers have in it. A part of that can be discarded, or
// applied, only if the directory says of each name whether it is hidden: by whiteouts.

#ifndef OVERPASS_APPLY_UNCOVER_H_
#define OVERPASS_APPLY_UNCOVER_H_

#include "apply/plan.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "layer/layer_stack.h"

namespace overpass::apply {

/// Makes directories of the layer `index` that are opaque merge with those of the lowers, if
/// something of `dropped` is in them and they do not go themselves. What they hid is hidden by
/// whiteouts first, so that nothing else is shown at any moment. `root` is the layer's, to be
/// written to.
Result<void> uncover(const layer::LayerStack& stack, layer::LayerIndex index, BorrowedFd root,
                     const Dropped& dropped);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_UNCOVER_H_
