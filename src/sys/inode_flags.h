// SPDX-License-Identifier: MIT
//
// Flags of chattr(1) and project ids, as FS_IOC_GETFLAGS and FS_IOC_FSGETXATTR give them.

#ifndef OVERPASS_SYS_INODE_FLAGS_H_
#define OVERPASS_SYS_INODE_FLAGS_H_

#include <cstdint>

#include "base/result.h"
#include "sys/place.h"

namespace overpass::sys {

/// Flags that change how a file is used, on every file system.
struct InodeFlags {
  bool sync = false;         ///< chattr +S: every write is synchronous.
  bool no_atime = false;     ///< chattr +A: reading leaves no time.
  bool append_only = false;  ///< chattr +a
  bool immutable = false;    ///< chattr +i

  bool operator==(const InodeFlags&) const = default;
};

/// The flags of a regular file or directory. None if the file system has no flags, or if the file
/// would have to be opened and may not be.
Result<InodeFlags> inode_flags(Place place);

/// Sets `sync` and `no_atime` where they are true in `flags`, beside what `file` has; it must be
/// open for more than its path. Does nothing where the file system has no such thing.
Result<void> add_inode_flags(BorrowedFd file, InodeFlags flags);

/// The properties that a directory hands down to new objects in it: flags of chattr(1) and of xfs,
/// sizes of extents, a project id.
struct Heritage {
  uint32_t flags = 0;           ///< FS_*_FL
  uint32_t extended_flags = 0;  ///< FS_XFLAG_*
  uint32_t project = 0;         ///< 0 where none is handed down.
  uint32_t extent_size = 0;
  uint32_t copy_on_write_extent_size = 0;

  bool operator==(const Heritage&) const = default;
};

/// ENOTTY where the file system has no such thing. `directory` is open for reading.
Result<Heritage> heritage_of(BorrowedFd directory);

/// Makes `directory`, open for reading and without entries, hand down `heritage`, as far as this
/// process may: project ids are root's to set (EINVAL in a user namespace), and the file system has
/// flags for root alone (EPERM). What can be set is set also when it fails.
Result<void> set_heritage(BorrowedFd directory, const Heritage& heritage);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_INODE_FLAGS_H_
