// SPDX-License-Identifier: MIT
//
// Which processes have a file system in their mount tables (/proc/PID/mountinfo), and can therefore
// reach it by a path.

#ifndef OVERPASS_SYS_MOUNT_USERS_H_
#define OVERPASS_SYS_MOUNT_USERS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// Identifies the mount at a place. Numbers of file systems are used again as soon as one has
/// ended; those of mounts are not.
struct MountedAt {
  dev_t device = 0;
  std::optional<uint64_t> mount_id;  ///< From Linux 6.8 on.
  bool operator==(const MountedAt&) const = default;
};

/// The mount at the absolute path. Its server is not asked.
Result<MountedAt> mounted_at(const char* mountpoint);

/// Whether the procfs (sys/proc.h) shows the processes of others: false if each user sees only his
/// own (hidepid, proc(5)), or if this mount namespace is shared with another PID namespace.
bool sees_all_mount_users();

/// A pidfd of a process that has the file system `device` in its mount table, or that has this
/// process's mount namespace kept under a name; nothing when no process with a readable table has
/// it. Processes with this one's name (/proc/PID/comm) do not count: a file server keeps the
/// namespace in which it serves. ENOENT without /proc, EMFILE.
Result<std::optional<UniqueFd>> find_mount_user(dev_t device);

/// Propagation of a mount, mount_namespaces(7).
struct PropagationState {
  bool shared = false;
  bool slave = false;
  bool unbindable = false;
};

/// The propagation of the mount of file system `device` that this process's mount table shows last;
/// nothing when the table has none.
Result<std::optional<PropagationState>> propagation_of(dev_t device);

/// Whether it is in this process's own mount table.
Result<bool> has_mounted(dev_t device);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_MOUNT_USERS_H_
