// SPDX-License-Identifier: MIT
//
// Steps before a layer is opened: checks that this process can serve at all, and finds the
// mountpoint.

#ifndef OVERPASS_FUSE_PREPARATION_H_
#define OVERPASS_FUSE_PREPARATION_H_

#include <string>

#include "base/problem.h"
#include "config/options.h"

namespace overpass::fuse {

/// Makes the process one that can serve others: signals, limits, descriptors of /proc,
/// capabilities. A problem names the system call that a filter refuses and nothing can replace. To
/// be called once, in the process that is going to serve, before it starts a thread.
Expected<void> prepare_process(const config::Options& options);

/// The absolute path of the mountpoint, without symbolic links, "." and "..": nothing has to be
/// looked up in the mount itself to reach it. After prepare_process().
Expected<std::string> resolve_mountpoint(const std::string& path);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_PREPARATION_H_
