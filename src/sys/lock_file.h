// SPDX-License-Identifier: MIT
//
// flock(2), as a claim on a directory that ends with the process.

#ifndef OVERPASS_SYS_LOCK_FILE_H_
#define OVERPASS_SYS_LOCK_FILE_H_

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// Claims the file exclusively, without waiting. EWOULDBLOCK when somebody else has it.
Result<void> lock_file(BorrowedFd fd);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_LOCK_FILE_H_
