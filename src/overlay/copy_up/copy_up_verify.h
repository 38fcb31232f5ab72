// SPDX-License-Identifier: MIT
//
// Compares a copy on the disk with its source (verify_copy_up=on).

#ifndef OVERPASS_OVERLAY_COPY_UP_COPY_UP_VERIFY_H_
#define OVERPASS_OVERLAY_COPY_UP_COPY_UP_VERIFY_H_

#include <sys/types.h>

#include "base/result.h"
#include "overlay/find/warn_once.h"
#include "overlay/state/copy_up_progress.h"

namespace overpass::overlay {

/// Compares size and content of `copy` with the first `size` bytes of `from`, both open for
/// reading. The copy is written out and read from below the page cache as far as its file system
/// allows. EIO when they differ, after a warning that names the file; EINTR as `progress` says.
/// L: none on entry. Blocks for long.
Result<void> verify_copy(BorrowedFd from, BorrowedFd copy, off_t size, const UnionName& name,
                         CopyUnderWay& progress);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_COPY_UP_VERIFY_H_
