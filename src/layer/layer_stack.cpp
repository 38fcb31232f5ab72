// SPDX-License-Identifier: MIT
//
// A path says where to look. The directory found there is then compared, since a lower that is a
// clone shows what is beneath other mounts.
//
// Questions about the stack as a whole.

#include "layer/layer_stack.h"

#include <fcntl.h>

#include <algorithm>

#include "sys/open.h"

namespace overpass::layer {

bool hide(std::vector<HiddenPath>& hidden, uint16_t layer, BorrowedFd root,
          const NamedDirectory& lower, const NamedDirectory& directory) {
  if (!is_within(directory.real_path, lower.real_path)) return false;
  const size_t skipped = lower.real_path == "/" ? 1 : lower.real_path.size() + 1;
  if (directory.real_path.size() <= skipped) return false;
  std::string path = directory.real_path.substr(skipped);
  const auto fd = sys::open_beneath(root, path.c_str(), O_PATH | O_DIRECTORY);
  if (!fd) return false;
  const auto found = sys::stat(sys::place_of(*fd));
  const bool is_same = found && found->stx_ino == directory.stat.stx_ino &&
                       sys::device_of(*found) == sys::device_of(directory.stat);
  if (is_same) hidden.push_back({layer, std::move(path), UniqueFd()});
  return is_same;
}

bool LayerStack::all_on_one_device() const {
  const dev_t device = layers.back().device;
  return std::all_of(layers.begin(), layers.end(), [&](const Layer& layer) {
    return !layer.is_present || layer.device == device;
  });
}

}  // namespace overpass::layer
