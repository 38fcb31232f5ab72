// SPDX-License-Identifier: MIT
//
// open_tree(2), open_tree_attr(2), mount_setattr(2), umount2(2), and the propagation of a mount.

#ifndef OVERPASS_SYS_MOUNT_API_H_
#define OVERPASS_SYS_MOUNT_API_H_

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// open_tree_attr(2), Linux 6.15, for lists of the calls that a process may make.
constexpr int kOpenTreeAttr = 467;

/// A detached clone of the mount at `directory`, rooted there, as an O_PATH descriptor: read-only
/// and, where that is permitted, without access times. The kernel then refuses every write open
/// under it with EROFS. EPERM without CAP_SYS_ADMIN over the mount namespace. Where the kernel does
/// not clone a directory without what is mounted below it, Submounts::Refuse makes that EINVAL.
enum class Submounts { Clone, Refuse };
Result<UniqueFd> clone_read_only(BorrowedFd directory, Submounts submounts = Submounts::Clone);

/// A writable clone: `directory` as it is now, without later mounts over it.
Result<UniqueFd> clone_tree(BorrowedFd directory);

/// A clone that includes the mounts below, if one without them is not permitted.
Result<UniqueFd> clone_whole_tree(BorrowedFd directory);

/// An O_PATH descriptor of the file open at `fd`, on the same mount; nothing is looked up for it.
Result<UniqueFd> path_of(BorrowedFd fd);

/// mount(2) with one of MS_PRIVATE, MS_SHARED, MS_SLAVE and MS_UNBINDABLE for the mount at
/// `mountpoint`. EPERM without CAP_SYS_ADMIN over the mount namespace.
Result<void> set_propagation(const char* mountpoint, unsigned long flag);

/// When reading a file changes its access time, mount(8).
enum class AccessTimes { OfTheMount, Never, Relative, Strict };

/// Gives the detached mount `tree` other access times than those of the mount it was cloned from.
/// EPERM also in a user namespace, for a mount that came from outside.
Result<void> set_access_times(BorrowedFd tree, AccessTimes times);

/// Those of the mount that `file` is on; never OfTheMount.
Result<AccessTimes> access_times_of(BorrowedFd file);

/// umount2(2) with MNT_* `flags`.
Result<void> unmount(const char* mountpoint, int flags);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_MOUNT_API_H_
