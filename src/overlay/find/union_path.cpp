// SPDX-License-Identifier: MIT
//
// One inode's mutex at a time.

#include "overlay/find/union_path.h"

#include <algorithm>

namespace overpass::overlay {

std::vector<std::string> names_to(Inode& inode) {
  std::vector<std::string> names;
  for (InodeRef at = InodeRef::share(inode); at->id != kRootNode;) {
    InodeRef parent;
    {
      Lock lock(at->mutex);
      names.push_back(at->link.name.text());
      parent = at->link.parent;
    }
    at = std::move(parent);
  }
  std::ranges::reverse(names);
  return names;
}

}  // namespace overpass::overlay
