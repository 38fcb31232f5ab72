// SPDX-License-Identifier: MIT

#include "apply/plain_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "changes/view.h"
#include "check/tree.h"
#include "layer/markers.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::apply {

namespace {

Result<bool> is_plain_file(sys::Place place, const sys::Stat& stat) {
  if (layer::is_whiteout(stat) || layer::is_whiteout_name(place.name)) return false;
  return !TRY(has_marks(place));
}

}  // namespace

Result<bool> has_marks(sys::Place place) {
  const auto names = sys::list_xattrs(place);
  if (names.failed_with(EOPNOTSUPP)) return false;
  return std::ranges::any_of(TRY(names), [](const std::string& name) {
    return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
  });
}

Result<bool> is_plain(const Target& target, const std::string& path) {
  const UniqueFd parent = TRY(target.directory(changes::parent_of(path)));
  const std::string top(changes::name_of(path));
  const sys::Stat stat = TRY(sys::stat({parent, top.c_str()}));
  if (!TRY(is_plain_file({parent, top.c_str()}, stat))) return false;
  std::vector<std::string> pending;
  if (S_ISDIR(stat.stx_mode)) pending.push_back(path);
  while (!pending.empty()) {
    const std::string at = std::move(pending.back());
    pending.pop_back();
    const UniqueFd directory = TRY(target.directory(at));
    for (const std::string& name : TRY(check::names_in(directory))) {
      const sys::Stat found = TRY(sys::stat({directory, name.c_str()}));
      if (!TRY(is_plain_file({directory, name.c_str()}, found))) return false;
      if (S_ISDIR(found.stx_mode)) pending.push_back(check::joined(at, name));
    }
  }
  return true;
}

}  // namespace overpass::apply
