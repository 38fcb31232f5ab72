// SPDX-License-Identifier: MIT
//
// auto_unmount: a process of its own that outlives the daemon when that is killed, and then takes
// the dead mount away. Where the daemon ends in good order it does nothing. fusermount3 could do
// this for mounts that it made, but not for those of root; and not every version of it.

#ifndef OVERPASS_FUSE_UNMOUNT_GUARD_H_
#define OVERPASS_FUSE_UNMOUNT_GUARD_H_

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/mount_users.h"

namespace overpass::fuse {

/// Owns the daemon's end of a socket; the guarding process has the other end.
/// Threads: one at a time.
class UnmountGuard {
 public:
  /// Guards nothing.
  UnmountGuard() = default;
  UnmountGuard(UnmountGuard&&) = default;
  UnmountGuard& operator=(UnmountGuard&&) = default;
  /// The guard ends, with the mount left to the daemon.
  ~UnmountGuard();

  /// Starts the process that guards `mount` at `mountpoint`, which is absolute. It shares no
  /// descriptor with this one. EMFILE, EAGAIN, ENOMEM.
  static Result<UnmountGuard> start(const std::string& mountpoint, const sys::MountedAt& mount);

  /// What the guard watches, for other processes of the mount; invalid for none.
  BorrowedFd link() const { return link_; }

 private:
  UniqueFd link_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_UNMOUNT_GUARD_H_
