// SPDX-License-Identifier: MIT
//
// The order is: open everything by the user's paths, compare, protect the lowers by clones, take
// the upper, prepare the workdir. The workdir is the first thing that is written to.

#include "layer/open_layers.h"

#include <fcntl.h>
#include <linux/magic.h>

#include <algorithm>

#include "base/log.h"
#include "layer/named_directory.h"
#include "layer/open_upper.h"
#include "layer/prepare_format.h"
#include "layer/prepare_override.h"
#include "sys/mount_api.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::layer {

namespace {

bool is_stacked(BorrowedFd fd) {
  auto magic = sys::file_system_magic(fd);
  return magic && (*magic == OVERLAYFS_SUPER_MAGIC || *magic == sys::kFuseMagic);
}

bool is_remote(BorrowedFd fd) {
  constexpr uint64_t kServed[] = {sys::kFuseMagic,  NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC,
                                  CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, V9FS_MAGIC,
                                  CEPH_SUPER_MAGIC, AFS_SUPER_MAGIC,  CODA_SUPER_MAGIC};
  const auto magic = sys::file_system_magic(fd);
  return magic && std::ranges::find(kServed, *magic) != std::end(kServed);
}

/// Lower and data-only directories, in the order of LayerStack::layers.
Expected<std::vector<NamedDirectory>> open_lowers(const LayerPaths& paths) {
  std::vector<NamedDirectory> lowers;
  auto open_all = [&](const char* option, const std::vector<std::string>& named) -> Expected<void> {
    for (const std::string& path : named) {
      auto directory = open_named(option, path);
      if (!directory) return std::unexpected(directory.error());
      lowers.push_back(std::move(*directory));
    }
    return {};
  };
  if (auto ok = open_all("lowerdir", paths.lower); !ok) return std::unexpected(ok.error());
  if (auto ok = open_all("datadir", paths.data_only); !ok) return std::unexpected(ok.error());
  return lowers;
}

/// The lower as it will be used: through a read-only clone where that is permitted.
Expected<Layer> take_lower(const NamedDirectory& directory, const LayerPaths& paths) {
  Layer layer;
  layer.path = directory.path;
  layer.is_present = true;
  layer.device = sys::device_of(directory.stat);
  layer.uuid = sys::file_system_uuid(directory.fd).value_or(sys::FileSystemUuid{});
  if (auto clone = sys::clone_read_only(directory.fd)) {
    layer.root = std::move(*clone);
    layer.write_protected = true;
    return layer;
  }
  if (is_within(paths.mountpoint, directory.real_path) && paths.mountpoint != directory.real_path) {
    const bool has_outside = directory.real_path != "/";
    return problem("mountpoint " + quoted(paths.mountpoint) + " lies inside " + directory.text() +
                       ", which an ordinary user cannot have",
                   std::string(has_outside ? "mount elsewhere, or " : "") +
                       "mount as root, or in a user namespace: unshare -rm");
  }
  auto root = sys::reopen(directory.fd, O_PATH | O_DIRECTORY);
  if (!root) return problem(directory.text() + ": " + text_of(root.error()));
  layer.root = std::move(*root);
  return layer;
}

void warn_of_overlap(const NamedDirectory& upper, const NamedDirectory& lower) {
  if (is_within(upper.real_path, lower.real_path)) {
    log::warn("upperdir %s lies inside %s %s, so the union shows it, too; leave it alone there",
              upper.path.c_str(), lower.option, lower.path.c_str());
  } else if (is_within(lower.real_path, upper.real_path)) {
    log::warn("%s %s lies inside upperdir %s, so what is written to the union may change it",
              lower.option, lower.path.c_str(), upper.path.c_str());
  }
}

}  // namespace

Expected<LayerStack> open_layers(const LayerPaths& paths) {
  if (auto ok = check_choice(paths.format, paths.upper.has_value()); !ok) {
    return std::unexpected(ok.error());
  }
  LayerStack stack;
  stack.layers.resize(1);
  auto lowers = open_lowers(paths);
  if (!lowers) return std::unexpected(lowers.error());
  NamedDirectory upper;
  if (paths.upper) {
    auto opened = open_named("upperdir", *paths.upper);
    if (!opened) return std::unexpected(opened.error());
    upper = std::move(*opened);
    for (const NamedDirectory& lower : *lowers) {
      if (are_same(upper, lower)) {
        return problem("upperdir " + quoted(*paths.upper) + " is also a " + lower.option,
                       "the upper must be a directory of its own");
      }
      warn_of_overlap(upper, lower);
    }
    stack.has_stacked_layer = is_stacked(upper.fd);
    stack.layers[kUpper].stable_numbers = !stack.has_stacked_layer;
    stack.layers[kUpper].is_remote = is_remote(upper.fd);
  }
  for (const NamedDirectory& lower : *lowers) {
    const bool stacked = is_stacked(lower.fd);
    stack.has_stacked_layer = stack.has_stacked_layer || stacked;
    auto layer = take_lower(lower, paths);
    if (!layer) return std::unexpected(layer.error());
    layer->stable_numbers = !stacked;
    layer->is_remote = is_remote(lower.fd);
    stack.layers.push_back(std::move(*layer));
  }
  stack.first_data_only = static_cast<LayerIndex>(1 + paths.lower.size());
  // Beyond this point every layer can be read; from here on the workdir is written to.
  if (paths.upper) {
    if (auto ok = open_upper(upper, paths, stack); !ok) return std::unexpected(ok.error());
  } else {
    stack.prefix = prefix_of_user(paths);
  }
  auto prepared = prepare_format(stack, paths);
  if (prepared) prepared = prepare_override(stack, paths.stat_override);
  if (!prepared) {
    if (stack.has_upper()) stack.workdir.undo(stack.work_lock);
    return std::unexpected(prepared.error());
  }
  return stack;
}

}  // namespace overpass::layer
