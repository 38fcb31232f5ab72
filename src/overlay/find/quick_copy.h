// SPDX-License-Identifier: MIT
//
// Which bytes may be copied by a thread that may not wait.

#ifndef OVERPASS_OVERLAY_FIND_QUICK_COPY_H_
#define OVERPASS_OVERLAY_FIND_QUICK_COPY_H_

#include <sys/types.h>

#include <cstddef>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::overlay {

/// As much as is copied in the time of a few system calls.
inline constexpr size_t kQuickCopy = size_t{64} << 10;

/// kMustWait unless `length` bytes of `file` from `offset` on, which are all in the file, are few
/// and in memory: reading them waits for no disk then. Makes a system call if they are few.
Result<void> check_quick_to_read(BorrowedFd file, off_t offset, size_t length);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_QUICK_COPY_H_
