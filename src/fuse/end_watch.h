// SPDX-License-Identifier: MIT
//
// What ends a mount apart from unmounting: a signal, or the end of the last process that could use
// it.
//
// A mount of kernel overlayfs ends with its namespace. Ours would not, since the daemon keeps its
// namespace alive. A user who mounts in a namespace of his own (unshare(1), buildah unshare) and
// leaves without unmounting would leave an unreachable daemon behind, and an upper directory that
// stays in use for ever. So one process at a time that has the mount in its mount table is watched,
// and when it ends another is looked for.

#ifndef OVERPASS_FUSE_END_WATCH_H_
#define OVERPASS_FUSE_END_WATCH_H_

#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <optional>

namespace overpass::fuse {

/// Waits for one of `signals` and returns its number. The signals must be blocked in all threads.
/// Returns nothing when the last process with the file system `device` in its mount table has
/// ended. Waits for signals only if the device is unknown, if no process had the mount at first, or
/// if processes that this one cannot see may have it.
std::optional<int> wait_for_end(const sigset_t& signals, std::optional<dev_t> device);

/// All blocked in all threads.
struct WatchedSignals {
  sigset_t ending;
  int leave;  ///< Asks whether `wants_to_leave` has become true.
};

/// The same; but when the daemon is to leave the mount to another, and no signal that ends the
/// mount has come, the process ends. Nobody else takes signals, so none is lost.
std::optional<int> wait_for_end_or_leave(const WatchedSignals& signals,
                                         const std::atomic<bool>& wants_to_leave,
                                         std::optional<dev_t> device);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_END_WATCH_H_
