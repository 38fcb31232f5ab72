// SPDX-License-Identifier: MIT
//
// flock(2), as a claim on a directory that ends with the process; and leases (fcntl(2)), as a way
// of asking who else has a file open.

#ifndef OVERPASS_SYS_LOCK_FILE_H_
#define OVERPASS_SYS_LOCK_FILE_H_

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// Claims the file exclusively, without waiting. EWOULDBLOCK when somebody else has it.
Result<void> lock_file(BorrowedFd fd);

/// Whether anybody has the regular file open for writing, or mapped it while he had. `fd` is open
/// for reading. EACCES for a file of somebody else's without CAP_LEASE, EINVAL from a file system
/// without leases.
Result<bool> is_open_for_writing(BorrowedFd fd);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_LOCK_FILE_H_
