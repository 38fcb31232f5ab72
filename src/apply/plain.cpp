// SPDX-License-Identifier: MIT

#include "apply/plain.h"

#include <algorithm>

#include "sys/xattr.h"

namespace overpass::apply {

Result<bool> has_marks(sys::Place place) {
  const auto names = sys::list_xattrs(place);
  if (names.failed_with(EOPNOTSUPP)) return false;
  return std::ranges::any_of(TRY(names), [](const std::string& name) {
    return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
  });
}

}  // namespace overpass::apply
