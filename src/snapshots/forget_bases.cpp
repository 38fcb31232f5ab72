// SPDX-License-Identifier: MIT

#include "snapshots/forget_bases.h"

#include <fcntl.h>

#include <algorithm>

#include "layer/bases_of_layers.h"
#include "layer/kept_base.h"
#include "layer/markers.h"
#include "sandbox/layer_store.h"
#include "snapshots/own_layers.h"
#include "sys/open.h"

namespace overpass::snapshots {

namespace {

/// Whether the directory stands for another than the lower's at its path: that one has gone, or is
/// somewhere else, with what was changed below it. Yes if it cannot be told.
bool is_another(BorrowedFd directory) {
  for (const layer::Prefix prefix : {layer::Prefix::Trusted, layer::Prefix::User}) {
    for (const layer::Mark mark : {layer::Mark::Opaque, layer::Mark::Redirect}) {
      if (layer::has_mark(sys::place_of(directory), mark, prefix).value_or(true)) return true;
    }
  }
  return false;
}

/// Whether a layer may have what was made of the file at `path` of the lower: it has something
/// there, or above it what hides the lower's, which may have been renamed.
bool may_have(BorrowedFd root, const std::string& path) {
  for (size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const bool is_above = end != std::string::npos;
    const auto found = sys::open_beneath(root, path.substr(0, end).c_str(), O_PATH | O_NOFOLLOW);
    if (found.failed_with(ENOENT)) return false;
    if (!found || !is_above || is_another(*found)) return true;
  }
}

bool may_have(const std::vector<UniqueFd>& roots, const std::string& path) {
  return std::ranges::any_of(roots, [&](const UniqueFd& root) { return may_have(root, path); });
}

}  // namespace

void forget_bases(const HeldSandbox& held, const sandbox::FileSystem& one,
                  const std::map<std::string, layer::BaseStamp>& known,
                  const std::vector<std::string>& names) {
  if (!held.record.keeps_bases || names.empty()) return;
  std::vector<std::string> homes = {one.homes(held.sandbox).front()};
  for (const std::string& id : own_layers(held, one)) {
    const std::string path = sandbox::layer_path(held.sandbox.store(), id);
    homes.push_back(path.substr(0, path.rfind('/')));
  }
  const std::vector<UniqueFd> directories = layer::open_all_bases(homes);
  std::vector<UniqueFd> roots;
  std::vector<std::string> layers = one.layer_paths(held.sandbox);
  layers.push_back(one.upper(held.sandbox));
  for (const std::string& layer : layers) {
    auto root = sys::open_path(layer.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (root) roots.push_back(std::move(*root));
  }
  for (const std::string& name : names) {
    for (auto at = known.lower_bound(name); at != known.end(); ++at) {
      const std::string& path = at->first;
      if (!path.starts_with(name)) break;
      const bool is_its = path.size() == name.size() || path[name.size()] == '/';
      if (!is_its || !layer::has_base(at->second) || may_have(roots, path)) continue;
      for (const UniqueFd& bases : directories) layer::remove_base(bases, at->second);
    }
  }
}

}  // namespace overpass::snapshots
