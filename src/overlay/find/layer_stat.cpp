// SPDX-License-Identifier: MIT

#include "overlay/find/layer_stat.h"

#include <fcntl.h>

#include "layer/stat_override.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/identity.h"
#include "overlay/state/overlay.h"
#include "sys/open.h"

namespace overpass::overlay {

Result<sys::Stat> layer_stat(const Overlay& overlay, layer::LayerIndex layer, sys::Place place) {
  return with_override(overlay, layer, place, TRY(stat_with_kept_mode(place)));
}

Result<sys::Stat> with_override(const Overlay& overlay, layer::LayerIndex layer, sys::Place place,
                                sys::Stat stat) {
  const layer::StatOverride kind = overlay.stack.layers[layer].stat_override;
  if (kind == layer::StatOverride::None) return stat;
  if (place.is_fd()) {
    TRY(layer::read_override(place, kind, stat));
    return stat;
  }
  // Of the object that `stat` describes, even if the name leads to another by now.
  const UniqueFd object = TRY(sys::open_place(place, O_PATH));
  const sys::Stat again = TRY(sys::stat(sys::place_of(object)));
  if (identity_of(again) != identity_of(stat)) return fail(ESTALE);
  TRY(layer::read_override(sys::place_of(object), kind, stat));
  return stat;
}

bool upper_overrides(const Overlay& overlay) {
  return overlay.stack.upper().stat_override != layer::StatOverride::None;
}

}  // namespace overpass::overlay
