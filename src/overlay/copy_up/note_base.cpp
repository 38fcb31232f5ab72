// SPDX-License-Identifier: MIT
//
// Only the lowest lower is somebody else's; layers above it are frozen.

#include "overlay/copy_up/note_base.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "layer/kept_base.h"
#include "overlay/find/content.h"
#include "overlay/find/locate.h"
#include "overlay/find/lower_location.h"
#include "overlay/find/warn_once.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

namespace {

layer::LayerIndex base_of(const Overlay& overlay) {
  return static_cast<layer::LayerIndex>(overlay.stack.lowers_end() - 1);
}

/// Keeps the bytes of `file`, which is `name` in `directory` and as `stat` says.
void keep_bytes(const Overlay& overlay, Inode& directory, const char* name, const sys::Stat& stat,
                sys::Place file) {
  if (!overlay.base.keeps_bases() || !layer::has_base(layer::stamp_of(stat))) return;
  const auto keep = [&]() -> Result<void> {
    auto opened = open_regular(file, O_RDONLY | O_NOATIME);
    if (opened.failed_with(EPERM)) opened = open_regular(file, O_RDONLY);
    const UniqueFd source = TRY(std::move(opened));
    return overlay.base.keep(stat, source);
  };
  const auto kept = keep();
  if (kept) return;
  const std::string what = std::string("its content before the change cannot be kept (") +
                           std::strerror(to_int(kept.error())) +
                           "), so that it cannot be merged with a later one";
  warn_once(directory, name, what.c_str());
}

}  // namespace

void note_copied(const Overlay& overlay, Inode& directory, const std::string& name,
                 layer::LayerIndex layer, const sys::Stat& stat, sys::Place file) {
  if (!overlay.base.is_kept() || layer != base_of(overlay)) return;
  keep_bytes(overlay, directory, name.c_str(), stat, file);
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
    if (layer != base) return;
    keep_bytes(overlay, directory, name, *stat, {(*parent)->fd, name});
    overlay.base.note(layer_path_of(directory, base) + "/" + name, *stat);
    return;
  }
}

}  // namespace overpass::overlay
