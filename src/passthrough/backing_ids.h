// SPDX-License-Identifier: MIT
//
// Registering backing files with a FUSE connection: FUSE_DEV_IOC_BACKING_OPEN and _CLOSE of
// linux/fuse.h (since 6.9).

#ifndef OVERPASS_PASSTHROUGH_BACKING_IDS_H_
#define OVERPASS_PASSTHROUGH_BACKING_IDS_H_

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::passthrough {

/// Registers the file open at `file`, which may be O_PATH, with the connection of `fuse`; the
/// kernel opens it anew for every user, with the calling thread's credentials and the user's flags.
/// EPERM without CAP_SYS_ADMIN in the initial user namespace; ELOOP when the file system below is
/// stacked too deep; EOPNOTSUPP or EINVAL for a file that cannot be passed through.
/// REQUIRES: the thread is without CAP_FSETID (sys::trim_capabilities), else writes through the id
/// keep set-user-ID bits.
Result<int32_t> open_backing(BorrowedFd fuse, BorrowedFd file);

/// Gives an id back. REQUIRES: no open is between its reply and RELEASE.
void close_backing(BorrowedFd fuse, int32_t id);

}  // namespace overpass::passthrough

#endif  // OVERPASS_PASSTHROUGH_BACKING_IDS_H_
