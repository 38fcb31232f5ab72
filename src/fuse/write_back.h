// SPDX-License-Identifier: MIT
//
// Writes back what the kernel has gathered for files of the mount: it would be lost with the
// daemon. umount(2) does so by itself; an end by a signal must do it here.

#ifndef OVERPASS_FUSE_WRITE_BACK_H_
#define OVERPASS_FUSE_WRITE_BACK_H_

#include <csignal>
#include <string>

namespace overpass::fuse {

struct Daemon;

/// Has every file written back and synced that is open for writing under a name and not passed
/// through. Waits for that, but not beyond the next of `signals`, which must be blocked. Requests
/// have to be served meanwhile.
/// Threads: any but those that serve.
void write_back(Daemon& daemon, const std::string& mountpoint, const sigset_t& signals);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_WRITE_BACK_H_
