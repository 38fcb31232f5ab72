// SPDX-License-Identifier: MIT
//
// The content of a file in sixteen bytes, for comparison with another file. Zeros count alike
// whether they are stored or a hole.
//
// fs-verity: the digest that a file system keeps of a file and checks on every read
// (Documentation/filesystems/fsverity.rst).

#ifndef OVERPASS_SYS_CONTENT_DIGEST_H_
#define OVERPASS_SYS_CONTENT_DIGEST_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/copy_data.h"

namespace overpass::sys {

enum class ReadFrom {
  Cache,  ///< As read(2) does: from the page cache where it has the file.
  /// From below the page cache as far as the file system permits: past the cache (O_DIRECT), else
  /// after dropping the file from it; the file must have been synced. A file system in memory has
  /// nothing below.
  Disk,
};

/// XXH3 of the first `size` bytes of `file`, open for reading; beyond its end it counts as zeros.
/// Holes are not read. `observer`, which may be null, is told of each MiB and may end it. Other
/// errors as of pread(2).
Result<Digest> digest_of_content(BorrowedFd file, off_t size, ReadFrom from,
                                 CopyObserver* observer = nullptr);

struct VerityDigest {
  uint8_t algorithm = 0;  ///< FS_VERITY_HASH_ALG_*.
  std::string bytes;
};

/// FS_IOC_MEASURE_VERITY of a file open for reading. ENODATA when it has none; ENOTTY or EOPNOTSUPP
/// where the kernel or the file system knows no fs-verity.
Result<VerityDigest> measure_verity(BorrowedFd fd);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_CONTENT_DIGEST_H_
