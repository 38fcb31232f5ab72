// SPDX-License-Identifier: MIT
//
// Only the lowest lower is somebody else's; layers above it are frozen.

#include "overlay/copy_up/note_base.h"

#include <algorithm>

#include "overlay/find/locate.h"
#include "overlay/find/lower_location.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

namespace {

layer::LayerIndex base_of(const Overlay& overlay) {
  return static_cast<layer::LayerIndex>(overlay.stack.lowers_end() - 1);
}

}  // namespace

void note_copied(const Overlay& overlay, Inode& directory, const std::string& name,
                 layer::LayerIndex layer, const sys::Stat& stat) {
  if (!overlay.base.is_kept() || layer != base_of(overlay)) return;
  overlay.base.note(layer_path_of(directory, layer) + "/" + name, stat);
}

void note_copied(const Overlay& overlay, Inode& directory, layer::LayerIndex layer,
                 const sys::Stat& stat) {
  if (!overlay.base.is_kept() || layer != base_of(overlay)) return;
  overlay.base.note(layer_path_of(directory, layer), stat);
}

void note_hidden(Overlay& overlay, Inode& directory, BorrowedFd upper, const char* name) {
  if (!overlay.base.is_kept() || sys::stat({upper, name})) return;
  const layer::LayerIndex base = base_of(overlay);
  if (std::ranges::count(directory.directory->lowers, base) == 0) return;
  for (const layer::LayerIndex layer : directory.directory->lowers) {
    const auto parent = directory_fd(overlay, directory, layer);
    if (!parent) return;
    const auto stat = sys::stat({(*parent)->fd, name});
    if (!stat) continue;
    // What a frozen layer has, has its stamp already.
    if (layer == base) overlay.base.note(layer_path_of(directory, base) + "/" + name, *stat);
    return;
  }
}

}  // namespace overpass::overlay
