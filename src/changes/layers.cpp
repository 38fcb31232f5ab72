// SPDX-License-Identifier: MIT
//
// Opening by the user's paths.

#include "changes/layers.h"

#include <fcntl.h>

#include <cstring>
#include <string>

#include "layer/markers.h"
#include "layer/stat_override.h"
#include "sys/credentials.h"
#include "sys/mount_api.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::changes {

namespace {

using layer::StatOverride;

/// Where the files of a layer keep their owners: its root tells.
StatOverride override_of(BorrowedFd root) {
  for (const StatOverride kind :
       {StatOverride::Privileged, StatOverride::User, StatOverride::FormerUser}) {
    if (sys::get_xattr(sys::place_of(root), layer::name_of(kind), std::span<char>())) return kind;
  }
  return StatOverride::None;
}

Expected<layer::Layer> take(const char* option, const std::string& path) {
  const auto failed = [&](Errno error) {
    return problem(std::string(option) + " '" + path + "': " + std::strerror(to_int(error)),
                   "name the directories of the mount, as a user who may read them");
  };
  auto opened = sys::open_path(path.c_str(), O_PATH | O_DIRECTORY);
  if (!opened) return failed(opened.error());
  layer::Layer layer;
  layer.path = path;
  layer.is_present = true;
  layer.stat_override = override_of(*opened);
  auto clone = sys::clone_read_only(*opened);
  layer.write_protected = clone.has_value();
  layer.root = clone ? std::move(*clone) : std::move(*opened);
  return layer;
}

/// The prefix that a mount of these layers uses, found without writing.
layer::Prefix prefix_of(const layer::LayerPaths& paths, BorrowedFd upper) {
  if (paths.userxattr || !sys::is_privileged_in_initial_namespace()) return layer::Prefix::User;
  const char* probe = layer::name_of(layer::Mark::Opaque, layer::Prefix::Trusted);
  const auto value = sys::get_xattr(sys::place_of(upper), probe);
  return value.failed_with(EOPNOTSUPP) ? layer::Prefix::User : layer::Prefix::Trusted;
}

}  // namespace

Expected<layer::LayerStack> open_layers(const layer::LayerPaths& paths) {
  layer::LayerStack stack;
  stack.layers.resize(1);
  if (paths.upper) {
    auto upper = take("upperdir", *paths.upper);
    if (!upper) return std::unexpected(upper.error());
    stack.layers[layer::kUpper] = std::move(*upper);
  }
  for (const auto* list : {&paths.lower, &paths.data_only}) {
    if (list == &paths.data_only) stack.first_data_only = stack.size();
    for (const std::string& path : *list) {
      auto lower = take("lowerdir", path);
      if (!lower) return std::unexpected(lower.error());
      stack.layers.push_back(std::move(*lower));
    }
  }
  stack.prefix = prefix_of(paths, stack.layers[paths.upper ? 0 : 1].root);
  stack.format.follows_redirects = paths.format.redirect_dir != layer::RedirectDir::NoFollow;
  stack.format.follows_metacopy = true;
  return stack;
}

}  // namespace overpass::changes
