// SPDX-License-Identifier: MIT
//
// Flags of chattr(1), as FS_IOC_GETFLAGS gives them.

#ifndef OVERPASS_SYS_INODE_FLAGS_H_
#define OVERPASS_SYS_INODE_FLAGS_H_

#include <cstdint>

#include "base/result.h"
#include "sys/place.h"

namespace overpass::sys {

/// What changes how a file is used, whichever file system it is on.
struct InodeFlags {
  bool sync = false;         ///< chattr +S: every write is synchronous.
  bool no_atime = false;     ///< chattr +A: reading leaves no time.
  bool append_only = false;  ///< chattr +a
  bool immutable = false;    ///< chattr +i

  bool operator==(const InodeFlags&) const = default;
};

/// The flags of a regular file or directory; none where the file system has no such thing, or where
/// the file had to be opened to tell and may not be.
Result<InodeFlags> inode_flags(Place place);

/// Sets `sync` and `no_atime` where they are true in `flags`, beside what `file` has; it must be
/// open for more than its path. Does nothing where the file system has no such thing.
Result<void> add_inode_flags(BorrowedFd file, InodeFlags flags);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_INODE_FLAGS_H_
