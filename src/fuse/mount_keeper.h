// SPDX-License-Identifier: MIT
//
// The keeper of a mount that outlives its daemon (survive=on). It has made the mount, holds the
// connection and what no later daemon could open again, and runs the daemon in a child process.
// When that dies, it runs another. It opens nothing in the mount, so it cannot wait for itself.
//
// It also has the daemon replaced by the program as it is on disk by now: that begins beside the
// daemon, says that it is able, and takes over when the daemon has left. If it is not able the
// daemon stays; if it fails later the former one goes on.

#ifndef OVERPASS_FUSE_MOUNT_KEEPER_H_
#define OVERPASS_FUSE_MOUNT_KEEPER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "fuse/life.h"

namespace overpass::fuse {

/// A lower that the mount did not begin with.
struct AddedLayer {
  std::string description;  ///< handover.h
  UniqueFd root;
};
using AddedLayers = std::vector<std::shared_ptr<const AddedLayer>>;

/// A program that is executed for a daemon, in place of the one that made the mount.
struct ProgramStart {
  BorrowedFd program;   ///< Invalid: what has the path of the keeper's own by now.
  BorrowedFd options;   ///< read_options(); invalid: those that the mount was made with.
  std::string changes;  ///< Of these, as in -o.
  AddedLayers layers;   ///< Each on top of the one before.
  std::string lower;    ///< A directory that it is to add; empty for none.
};

/// Runs a daemon in a process of its own.
struct DaemonStart {
  /// Serves the mount as the program that made it. Its result is that of the mount; it unmounts.
  std::function<Expected<void>(Life&)> serve;
  /// Executes a program. Returns why not.
  std::function<Problem(const Life&, const ProgramStart&)> execute;
  /// A daemon has died, or left, and no other has begun.
  std::function<void(bool has_died)> ended;
};

/// How a kept mount ended.
struct KeptEnd {
  Expected<void> outcome;
  bool is_unmounted = false;  ///< By the daemon.
};

/// Runs daemons until one ends in good order, or tells a problem, or too many die in a row. Calls
/// `on_ready` when the first one answers. Signals that end a mount (blocked) are passed on, but for
/// SIGHUP with `hangup_replaces`: the daemon is replaced then. To be called with a single thread.
KeptEnd keep_mount(const DaemonStart& start, bool hangup_replaces,
                   const std::function<void()>& on_ready);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_MOUNT_KEEPER_H_
