// SPDX-License-Identifier: MIT
//
// The path is the one in the union.

#include "overlay/find/warn_once.h"

#include <string>

#include "base/log.h"
#include "overlay/find/union_path.h"

namespace overpass::overlay {

UnionName union_name_of(Inode& inode) {
  Lock lock(inode.mutex);
  return {inode.link.parent, inode.link.name.text()};
}

void warn_once(Inode& directory, const char* name, const char* what) {
  std::string path;
  for (const std::string& parent : names_to(directory)) path += "/" + parent;
  path = path + "/" + name;
  log::warn("'%s': %s", path.c_str(), what);
}

}  // namespace overpass::overlay
