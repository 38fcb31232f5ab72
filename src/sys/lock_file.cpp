// SPDX-License-Identifier: MIT

#include "sys/lock_file.h"

#include <sys/file.h>

#include "sys/errno_result.h"

namespace overpass::sys {

Result<void> lock_file(BorrowedFd fd) { return checked_void(::flock(raw(fd), LOCK_EX | LOCK_NB)); }

}  // namespace overpass::sys
