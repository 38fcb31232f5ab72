// SPDX-License-Identifier: MIT
//
// Detaches a mount of this process's user, with or without privilege.

#ifndef OVERPASS_FUSE_DETACH_H_
#define OVERPASS_FUSE_DETACH_H_

#include "sys/mount_users.h"

namespace overpass::fuse {

/// Detaches `mount` from `mountpoint` (absolute) if it is what is mounted there:
/// by umount2(2), else by fusermount3, else by umount(8). Returns whether it is not there any more.
bool detach(const char* mountpoint, const sys::MountedAt& mount);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_DETACH_H_
