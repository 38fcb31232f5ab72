// SPDX-License-Identifier: MIT
//
// Lowers of owners that the daemon's user namespace does not know.

#ifndef OVERPASS_FUSE_FOREIGN_OWNERS_H_
#define OVERPASS_FUSE_FOREIGN_OWNERS_H_

#include "config/options.h"
#include "layer/layer_stack.h"

namespace overpass::fuse {

/// Logs one line if a writable union has a lower whose root belongs to an owner without an id in
/// this user namespace: its files cannot be copied up (EOVERFLOW) unless owners are squashed.
void warn_of_foreign_owners(const layer::LayerStack& stack, const config::Options& options);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_FOREIGN_OWNERS_H_
