// SPDX-License-Identifier: MIT
//
// The mount through which the upper and its workdir are used. Usually the mount that the user's
// paths lead to. It is a private clone of that mount, which takes privilege, if the union is
// mounted over it or other access times are asked for. Both come through one mount, for names
// cannot be moved between two.

#ifndef OVERPASS_LAYER_UPPER_ROOTS_H_
#define OVERPASS_LAYER_UPPER_ROOTS_H_

#include "base/problem.h"
#include "base/unique_fd.h"
#include "layer/layer_paths.h"
#include "layer/named_directory.h"

namespace overpass::layer {

struct UpperRoots {
  UniqueFd upper;  ///< O_PATH, as `work`.
  UniqueFd work;
};

/// REQUIRES: paths.upper and paths.work, on one mount.
Expected<UpperRoots> take_upper_roots(const NamedDirectory& upper, const NamedDirectory& work,
                                      const LayerPaths& paths);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_UPPER_ROOTS_H_
