// SPDX-License-Identifier: MIT
//
// What ends a mount other than its unmounting: a signal, or that nobody is left who could use it.
//
// A mount ends with its namespace, kernel overlayfs's for one. A daemon keeps the namespace in
// which it serves alive, so ours would not: whoever mounts in a namespace of his own (unshare(1),
// buildah unshare) and goes without unmounting would leave a daemon that nobody can reach, and an
// upper directory that is in use for ever. So one process at a time that has the mount in its mount
// table is watched, and when it ends another is looked for.

#ifndef OVERPASS_FUSE_END_WATCH_H_
#define OVERPASS_FUSE_END_WATCH_H_

#include <sys/types.h>

#include <csignal>
#include <optional>

namespace overpass::fuse {

/// Waits for one of `signals`, which must be blocked in all threads, and gives its number; or until
/// the last process that had the file system `device` in its mount table has gone, and gives
/// nothing. Of a mount that nobody was seen to have at first, or of an unknown device, nothing is
/// concluded; nor where others may have it whom this process cannot see.
std::optional<int> wait_for_end(const sigset_t& signals, std::optional<dev_t> device);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_END_WATCH_H_
