// SPDX-License-Identifier: MIT

#include "fuse/layer_paths_of.h"

namespace overpass::fuse {

namespace {

sys::AccessTimes times_of(config::AccessTimes chosen) {
  switch (chosen) {
    case config::AccessTimes::Never:
      return sys::AccessTimes::Never;
    case config::AccessTimes::Relative:
      return sys::AccessTimes::Relative;
    case config::AccessTimes::Strict:
      return sys::AccessTimes::Strict;
    case config::AccessTimes::OfTheMount:
      break;
  }
  return sys::AccessTimes::OfTheMount;
}

}  // namespace

layer::LayerPaths layer_paths_of(const config::Options& options) {
  return {.lower = options.lower,
          .data_only = options.data_only,
          .upper = options.upper,
          .work = options.work,
          .mountpoint = options.mountpoint,
          .userxattr = options.userxattr,
          .access_times = times_of(options.access_times),
          .format = options.format,
          .stat_override = options.xattr_permissions,
          .owns_upper = options.owns_upper};
}

}  // namespace overpass::fuse
