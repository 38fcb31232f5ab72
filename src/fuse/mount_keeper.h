// SPDX-License-Identifier: MIT
//
// The keeper of a mount that outlives its daemon (survive=on). It has made the mount, holds the
// connection and what no later daemon could open again, and runs the daemon in a child process.
// When that dies, it runs another. It opens nothing in the mount, so it cannot wait for itself.

#ifndef OVERPASS_FUSE_MOUNT_KEEPER_H_
#define OVERPASS_FUSE_MOUNT_KEEPER_H_

#include <functional>

#include "base/problem.h"
#include "fuse/life.h"

namespace overpass::fuse {

/// Serves the mount in a process of its own. Its result is the result of the mount; it unmounts.
using ServeLife = std::function<Expected<void>(Life&)>;

/// How a kept mount ended.
struct KeptEnd {
  Expected<void> outcome;
  bool is_unmounted = false;  ///< By the daemon.
};

/// Runs daemons until one ends in good order, or tells a problem, or too many die in a row. Calls
/// `on_ready` when the first one answers. Signals that end a mount (blocked) are passed on. To be
/// called with a single thread.
KeptEnd keep_mount(const ServeLife& serve, const std::function<void()>& on_ready);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_MOUNT_KEEPER_H_
