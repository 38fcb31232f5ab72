// SPDX-License-Identifier: MIT

#include "apply/target.h"

#include <fcntl.h>

#include "changes/view.h"
#include "sys/open.h"

namespace overpass::apply {

Result<Target> Target::open(const std::string& path) {
  UniqueFd root = TRY(sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY));
  return Target(path, std::move(root));
}

Result<UniqueFd> Target::directory(std::string_view path) const {
  const std::string name = path.empty() ? "." : std::string(path);
  return sys::open_on_same_mount(root_, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Result<sys::Stat> Target::stat(std::string_view path) const {
  const UniqueFd parent = TRY(directory(changes::parent_of(path)));
  return sys::stat({parent, std::string(changes::name_of(path)).c_str()});
}

}  // namespace overpass::apply
