// SPDX-License-Identifier: MIT
//
// The path is put together from the names in memory, one inode's mutex at a time.

#include "overlay/complain.h"

#include <string>

#include "base/log.h"

namespace overpass::overlay {

void complain(Inode& directory, const char* name, const char* what) {
  std::string path = std::string("/") + name;
  for (InodeRef at = InodeRef::share(directory); at->id != kRootNode;) {
    InodeRef parent;
    {
      Lock lock(at->mutex);
      path.insert(0, "/" + at->link.name);
      parent = at->link.parent;
    }
    at = std::move(parent);
  }
  log::warn("'%s': %s", path.c_str(), what);
}

}  // namespace overpass::overlay
