// SPDX-License-Identifier: MIT
//
// The layers that the user named, and how to use them.

#ifndef OVERPASS_LAYER_LAYER_PATHS_H_
#define OVERPASS_LAYER_LAYER_PATHS_H_

#include <optional>
#include <string>
#include <vector>

#include "layer/format_settings.h"
#include "sys/mount_api.h"

namespace overpass::layer {

struct LayerPaths {
  std::vector<std::string> lower;           ///< Topmost first; at least one.
  std::vector<std::string> data_only = {};  ///< Below all of them; searched in this order.
  std::optional<std::string> upper;
  std::optional<std::string> work;  ///< Present exactly when `upper` is.
  std::string mountpoint;           ///< For the check that it does not lie inside a layer.
  bool userxattr = false;           ///< Marks are user.overlay.* even if trusted.* is possible.
  sys::AccessTimes access_times = sys::AccessTimes::OfTheMount;  ///< Of the upper's files.
  FormatChoice format = {};
  StatOverride stat_override = StatOverride::None;
  bool owns_upper = false;  ///< No mount of kernel overlayfs can have upper or workdir.
};

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_LAYER_PATHS_H_
