// SPDX-License-Identifier: MIT
//
// Opening by the user's paths.

#include "changes/layers.h"

#include <fcntl.h>

#include <algorithm>
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

/// Where the union is mounted.
struct Cover {
  std::string mountpoint;  ///< Empty if it is not.
  dev_t device = 0;
};

Cover cover_of(const std::string& mountpoint) {
  if (mountpoint.empty()) return {};
  const auto stat = sys::stat({BorrowedFd{AT_FDCWD}, mountpoint.c_str()});
  return stat ? Cover{mountpoint, sys::device_of(*stat)} : Cover{};
}

bool is_covered(const Cover& cover, BorrowedFd opened) {
  if (cover.mountpoint.empty()) return false;
  const auto stat = sys::stat(sys::place_of(opened));
  return stat && sys::device_of(*stat) == cover.device;
}

/// The directory at `path`, which lies at the mountpoint or below, as it is without the union: a
/// clone of the mount above has none of the mounts on it.
Result<UniqueFd> open_beneath_union(const Cover& cover, const std::string& path) {
  const std::string& mountpoint = cover.mountpoint;
  if (!path.starts_with(mountpoint) || mountpoint == "/") return fail(EXDEV);
  const std::string above = mountpoint.substr(0, std::max(mountpoint.rfind('/'), size_t{1}));
  const UniqueFd directory = TRY(sys::open_path(above.c_str(), O_PATH | O_DIRECTORY));
  const UniqueFd clone = TRY(sys::clone_read_only(directory));
  const std::string rest = path.substr(mountpoint.rfind('/') + 1);
  return sys::open_beneath(clone, rest.c_str(), O_PATH | O_DIRECTORY);
}

Expected<layer::Layer> take(const char* option, const std::string& path, const Cover& cover) {
  const auto failed = [&](Errno error) {
    return problem(std::string(option) + " '" + path + "': " + std::strerror(to_int(error)),
                   "name the directories of the mount, as a user who may read them");
  };
  auto opened = sys::open_path(path.c_str(), O_PATH | O_DIRECTORY);
  if (!opened) return failed(opened.error());
  layer::Layer layer;
  if (is_covered(cover, *opened)) {
    opened = open_beneath_union(cover, path);
    if (!opened || is_covered(cover, *opened)) {
      return problem(std::string(option) + " '" + path + "' is covered by the union itself",
                     "look as root, or unmount it and name the layers");
    }
  }
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
  const Cover cover = cover_of(paths.mountpoint);
  layer::LayerStack stack;
  stack.layers.resize(1);
  if (paths.upper) {
    auto upper = take("upperdir", *paths.upper, cover);
    if (!upper) return std::unexpected(upper.error());
    stack.layers[layer::kUpper] = std::move(*upper);
  }
  for (const auto* list : {&paths.lower, &paths.data_only}) {
    if (list == &paths.data_only) stack.first_data_only = stack.size();
    for (const std::string& path : *list) {
      auto lower = take("lowerdir", path, cover);
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
