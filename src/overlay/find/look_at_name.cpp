// SPDX-License-Identifier: MIT

#include "overlay/find/look_at_name.h"

#include <sys/stat.h>

#include "overlay/find/lower_changes.h"
#include "overlay/find/search.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

namespace {

/// Whether the directory is the one that was found, merged from the same directories.
bool is_same_directory(const Overlay& overlay, const Inode& known, const Found& found) {
  const Directory& directory = *known.directory;
  const bool in_upper = found.layer == layer::kUpper;
  if (directory.has_upper != in_upper || directory.lowers != found.lowers) return false;
  if (in_upper && directory.upper_identity() != found.known.identity()) return false;
  for (size_t i = 0; i < found.lowers.size(); ++i) {
    const bool is_known = overlay.stack.layers[found.lowers[i]].stable_numbers;
    if (is_known && directory.lower_identities[i] != found.lower_identities[i]) return false;
  }
  return true;
}

/// The same of a lower's file. One that is being copied up through another name is left alone.
bool is_same_file(const Overlay& overlay, const Inode& known, const Found& found)
    REQUIRES(known.mutex) {
  if (found.layer == layer::kUpper) return true;
  if (known.layer != found.layer || (known.data_place() != nullptr) != (found.data != nullptr)) {
    return false;
  }
  if (!overlay.stack.layers[found.layer].stable_numbers) {
    return known.known.uid == found.known.uid && known.known.gid == found.known.gid &&
           known.known.mode == found.known.mode;
  }
  if (found.data != nullptr && known.data_place()->path != found.data->path) return false;
  return known.known.identity() == found.known.identity();
}

bool is_same(const Overlay& overlay, const Inode& known, const Found& found) {
  if ((found.stat.stx_mode & S_IFMT) != known.type) return false;
  if (known.is_directory()) return is_same_directory(overlay, known, found);
  Lock lock(known.mutex);
  return is_same_file(overlay, known, found);
}

}  // namespace

void look_at_name(Overlay& overlay, Inode& directory, const char* name, Inode& known) {
  if (known.is_stale || (!known.is_directory() && !is_in_lower(known))) return;
  if (known.is_directory() && overlay.holds_directories) return;
  const auto found = find_in_layers(overlay, directory, name);
  const bool is_gone = found.failed_with(ENOENT);
  if (is_gone || (found && !is_same(overlay, known, *found))) known.is_stale = true;
}

}  // namespace overpass::overlay
