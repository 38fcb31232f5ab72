// SPDX-License-Identifier: MIT
//
// Opens the layers that the user named, checks that they can be used together, and prepares the
// workdir. Everything that can be wrong with a layer is said here, before anything is mounted.

#ifndef OVERPASS_LAYER_OPEN_LAYERS_H_
#define OVERPASS_LAYER_OPEN_LAYERS_H_

#include <optional>
#include <string>
#include <vector>

#include "base/problem.h"
#include "layer/format_settings.h"
#include "layer/layer_stack.h"
#include "sys/mount_api.h"

namespace overpass::layer {

struct LayerPaths {
  std::vector<std::string> lower;           ///< Topmost first; at least one.
  std::vector<std::string> data_only = {};  ///< Below all of them; searched in this order.
  std::optional<std::string> upper;
  std::optional<std::string> work;  ///< Present exactly when `upper` is.
  std::string mountpoint;           ///< For the check that it does not lie inside a layer.
  bool userxattr = false;           ///< Marks are user.overlay.* although trusted.* could be had.
  sys::AccessTimes access_times = sys::AccessTimes::OfTheMount;  ///< Of the upper's files.
  FormatChoice format = {};
  StatOverride stat_override = StatOverride::None;
};

/// The open layers, lowers write-protected where the daemon may do that. On a problem nothing is
/// left behind.
Expected<LayerStack> open_layers(const LayerPaths& paths);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_OPEN_LAYERS_H_
