// SPDX-License-Identifier: MIT
//
// The daemon's life from open layers to unmount, as one call.

#ifndef OVERPASS_FUSE_SERVE_H_
#define OVERPASS_FUSE_SERVE_H_

#include <functional>

#include "base/problem.h"
#include "config/options.h"

namespace overpass::fuse {

/// Opens the layers, mounts, and serves until the mount is unmounted or SIGTERM, SIGINT or SIGHUP
/// arrives. Calls `on_ready` once, when the mount is usable. On a problem nothing stays mounted
/// and nothing is left behind in the workdir. To be called once per process, with a single thread.
Expected<void> serve(const config::Options& options, const std::function<void()>& on_ready);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_SERVE_H_
