// SPDX-License-Identifier: MIT
//
// Putting together the mounts of a new mount namespace: clones of mounts, new file systems, and the
// root.

#ifndef OVERPASS_SYS_MOUNT_TREE_H_
#define OVERPASS_SYS_MOUNT_TREE_H_

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// A detached clone of the mount at `path`, rooted there; `path` may be a file. Its last component
/// is followed. With Whole::Yes all that is mounted below comes with it. In a user namespace that
/// has no right to uncover what is beneath those, only that is permitted (EINVAL).
enum class Whole { No, Yes };
Result<UniqueFd> clone_mount(const std::string& path, Whole whole);

/// mount_setattr(2): sets MOUNT_ATTR_* `flags` on the detached `tree`, and on what is below.
Result<void> restrict_tree(BorrowedFd tree, uint64_t flags);

/// The same for the mount at `path` alone.
Result<void> restrict_mount(const std::string& path, uint64_t flags);

/// Attaches the detached `tree` at `path`. A symbolic link there is not followed.
Result<void> attach_mount(BorrowedFd tree, const std::string& path);

/// mount(2) of a new file system of `type`, with `options` of its own and MS_* `flags`.
Result<void> mount_new(const char* type, const std::string& path, unsigned long flags,
                       const char* options);

/// Takes the mounts of this namespace out of the propagation to and from all others.
Result<void> make_mounts_private();

/// Makes the mount at `path` the root of this mount namespace, for this process also the current
/// directory, and unmounts all that was mounted outside of it.
Result<void> change_root(const std::string& path);

/// The number of the mount that `file` is on, as in /proc/PID/mountinfo.
Result<uint64_t> mount_id_of(BorrowedFd file);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_MOUNT_TREE_H_
