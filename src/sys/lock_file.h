// SPDX-License-Identifier: MIT
//
// flock(2), as a claim on a directory that ends with the process; and leases (fcntl(2)), as a way
// to learn whether other processes have a file open.

#ifndef OVERPASS_SYS_LOCK_FILE_H_
#define OVERPASS_SYS_LOCK_FILE_H_

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// Claims the file exclusively, without waiting. EWOULDBLOCK when another process has claimed it.
Result<void> lock_file(BorrowedFd fd);

/// Claims it together with others that do so too; waits until no process has it exclusively.
Result<void> lock_file_shared(BorrowedFd fd);

/// Whether any process has the regular file open for writing, or mapped from such an open. `fd` is
/// open for reading. EACCES for another user's file without CAP_LEASE, EINVAL from a file system
/// without leases.
Result<bool> is_open_for_writing(BorrowedFd fd);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_LOCK_FILE_H_
