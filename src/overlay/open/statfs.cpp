// SPDX-License-Identifier: MIT

#include "overlay/open/statfs.h"

#include "overlay/state/overlay.h"
#include "sys/stat.h"

namespace overpass::overlay {

Result<struct statvfs> statfs(Overlay& overlay) {
  const layer::LayerIndex layer = overlay.stack.has_upper() ? layer::kUpper : 1;
  return sys::stat_file_system(overlay.roots[layer]->fd);
}

}  // namespace overpass::overlay
