// SPDX-License-Identifier: MIT
//
// The ioctls of /dev/fuse that register backing files: FUSE_DEV_IOC_BACKING_OPEN and _CLOSE of
// linux/fuse.h (since 6.9). libfuse's fuse_passthrough_open is not used: it loses the errno, and
// the errors have meanings. What may be registered, and with which rights, is decided by callers.

#ifndef OVERPASS_SYS_FUSE_BACKING_H_
#define OVERPASS_SYS_FUSE_BACKING_H_

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

// From linux/fuse.h of 6.9, which Debian 12's headers predate.
struct BackingMap {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};
inline constexpr unsigned long kBackingOpen = 0x4010e501UL;   // _IOW(229, 1, BackingMap)
inline constexpr unsigned long kBackingClose = 0x4004e502UL;  // _IOW(229, 2, uint32_t)

/// Whether this kernel says in /proc/PID/fdinfo to which mount a /dev/fuse belongs (since 6.16).
bool tells_fuse_connections();

/// Registers the file open at `file` with the connection of `fuse`: its backing id. EBADF for an
/// O_PATH descriptor before 6.12.
Result<int32_t> register_backing(BorrowedFd fuse, BorrowedFd file);

/// Likewise, and `file` may be O_PATH with every kernel. The kernel opens the file anew for every
/// user, with the calling thread's credentials and the user's flags. EPERM without CAP_SYS_ADMIN in
/// the initial user namespace; ELOOP if the file system below is stacked too deep; EOPNOTSUPP or
/// EINVAL for a file that cannot be passed through.
/// REQUIRES: the thread is without CAP_FSETID (trim_capabilities), else writes through the id keep
/// set-user-ID bits.
Result<int32_t> open_backing(BorrowedFd fuse, BorrowedFd file);

/// Gives an id back. REQUIRES: no open is between its reply and RELEASE. Fails only when the
/// connection is gone, and the id with it.
void unregister_backing(BorrowedFd fuse, int32_t id);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_FUSE_BACKING_H_
