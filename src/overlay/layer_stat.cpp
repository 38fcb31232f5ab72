// SPDX-License-Identifier: MIT

#include "overlay/layer_stat.h"

#include "layer/stat_override.h"
#include "overlay/overlay.h"
#include "overlay/owner_sight.h"

namespace overpass::overlay {

Result<sys::Stat> layer_stat(const Overlay& overlay, layer::LayerIndex layer, sys::Place place) {
  return with_override(overlay, layer, place, TRY(stat_without_sight(place)));
}

Result<sys::Stat> with_override(const Overlay& overlay, layer::LayerIndex layer, sys::Place place,
                                sys::Stat stat) {
  const layer::StatOverride kind = overlay.stack.layers[layer].stat_override;
  if (kind != layer::StatOverride::None) TRY(layer::read_override(place, kind, stat));
  return stat;
}

bool upper_overrides(const Overlay& overlay) {
  return overlay.stack.upper().stat_override != layer::StatOverride::None;
}

}  // namespace overpass::overlay
