// SPDX-License-Identifier: MIT
//
// stat(2) of what a layer holds, with the owner, mode and kind that an override there says
// (layer/stat_override.h). Everything the union shows or copies comes from here; what is asked
// about the inode on disk itself (its number, its size, what the daemon may do with it) need not.

#ifndef OVERPASS_OVERLAY_FIND_LAYER_STAT_H_
#define OVERPASS_OVERLAY_FIND_LAYER_STAT_H_

#include "base/result.h"
#include "layer/layer_stack.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// EIO where the override is not understood.
Result<sys::Stat> layer_stat(const Overlay& overlay, layer::LayerIndex layer, sys::Place place);

/// `stat`, which came from `place` in `layer`, with the override.
Result<sys::Stat> with_override(const Overlay& overlay, layer::LayerIndex layer, sys::Place place,
                                sys::Stat stat);

/// Whether the upper keeps owners and modes in attributes.
bool upper_overrides(const Overlay& overlay);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_LAYER_STAT_H_
