// SPDX-License-Identifier: MIT
//
// private, shared, slave and unbindable, given to a mount that has just been made. Container
// engines ask for "private" so that nothing mounted inside a volume shows outside of it.

#ifndef OVERPASS_FUSE_PROPAGATION_H_
#define OVERPASS_FUSE_PROPAGATION_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/problem.h"
#include "config/options.h"

namespace overpass::fuse {

/// Gives the mount of file system `device` at `mountpoint` the propagation that `wanted` says, one
/// word after the other. Where that is not permitted, as after fusermount3, a mount that has the
/// propagation anyway is no problem.
Expected<void> set_propagation(const std::string& mountpoint, std::optional<dev_t> device,
                               const std::vector<config::Propagation>& wanted);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_PROPAGATION_H_
