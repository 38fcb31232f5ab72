// SPDX-License-Identifier: MIT
//
// Copies the content of a file by the cheapest means that the two file systems share.

#ifndef OVERPASS_SYS_COPY_DATA_H_
#define OVERPASS_SYS_COPY_DATA_H_

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// Follows what takes long, and may end it.
class CopyObserver {
 public:
  virtual ~CopyObserver() = default;
  /// Called every few MiB, by the thread that copies: everything before `offset` bytes is done. An
  /// error ends the copy, which reports it.
  virtual Result<void> reached(off_t offset) = 0;
};

/// The treatment of the copy afterwards.
enum class Afterwards {
  Left,    ///< To the file system's own time.
  Synced,  ///< By the caller: the disk begins while the rest is copied.
};

/// Makes `to`, an empty file open for writing, hold the first `size` bytes of `from`, open for
/// reading: FICLONE, else copy_file_range(2), else read and write. Holes stay holes. ENOSPC,
/// EDQUOT, EIO and the like as the file systems report them, or what `observer`, which may be null,
/// says; `to` is then incomplete.
Result<void> copy_data(BorrowedFd from, BorrowedFd to, off_t size, CopyObserver* observer = nullptr,
                       Afterwards afterwards = Afterwards::Left);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_COPY_DATA_H_
