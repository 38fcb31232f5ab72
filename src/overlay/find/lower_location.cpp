// SPDX-License-Identifier: MIT
//
// Climbs towards the root until an ancestor knows its path. Ancestors may be renamed meanwhile.
// They get their Relocation before their name changes, under one mutex, so every step of the climb
// is right before and after.

#include "overlay/find/lower_location.h"

#include <algorithm>

namespace overpass::overlay {

namespace {

/// `known` gives the path that a Relocation has to tell.
template <class Known>
std::string climb(Inode& directory, Known known) {
  std::string path;
  for (InodeRef at = InodeRef::share(directory); at->id != kRootNode;) {
    InodeRef parent;
    {
      Lock lock(at->mutex);
      if (const Relocation* relocation = at->relocation()) {
        return known(*at->directory, *relocation) + path;
      }
      path.insert(0, "/" + at->link.name.text());
      parent = at->link.parent;
    }
    at = std::move(parent);
  }
  return path;
}

}  // namespace

size_t slot_of(const Directory& directory, layer::LayerIndex layer) {
  const auto& lowers = directory.lowers;
  return static_cast<size_t>(std::find(lowers.begin(), lowers.end(), layer) - lowers.begin());
}

bool is_lower_of(const Directory& directory, layer::LayerIndex layer) {
  return slot_of(directory, layer) < directory.lowers.size();
}

std::string layer_path_of(Inode& directory, layer::LayerIndex layer) {
  return climb(directory, [&](const Directory& at, const Relocation& relocation) {
    return relocation.layer_paths[slot_of(at, layer)];
  });
}

std::string lowers_path_of(Inode& directory) {
  return climb(directory, [](const Directory&, const Relocation& relocation) {
    return relocation.lowers_path;
  });
}

Relocation relocation_of(Inode& directory) {
  {
    Lock lock(directory.mutex);
    if (const Relocation* relocation = directory.relocation()) return *relocation;
  }
  Relocation relocation;
  relocation.lowers_path = lowers_path_of(directory);
  for (const layer::LayerIndex layer : directory.directory->lowers) {
    relocation.layer_paths.push_back(layer_path_of(directory, layer));
  }
  return relocation;
}

}  // namespace overpass::overlay
