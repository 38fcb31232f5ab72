// SPDX-License-Identifier: MIT
//
// How far the kernel reads ahead on a mounted file system (the kernel's
// Documentation/ABI/testing/sysfs-class-bdi).

#ifndef OVERPASS_SYS_READ_AHEAD_H_
#define OVERPASS_SYS_READ_AHEAD_H_

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// The directory with what the kernel lets be changed of file systems without a disk. ENOENT
/// without sysfs. To be opened before mounting, since the mount may cover it.
Result<UniqueFd> open_read_aheads();

/// Has the kernel read up to `kib` KiB ahead on the file system `device`. `read_aheads`: from
/// open_read_aheads(). EACCES, EROFS or EPERM without root's rights in the initial user namespace.
Result<void> set_read_ahead(BorrowedFd read_aheads, dev_t device, unsigned kib);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_READ_AHEAD_H_
