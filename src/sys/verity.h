// SPDX-License-Identifier: MIT
//
// fs-verity: the digest that a file system keeps of a file and checks on every read
// (Documentation/filesystems/fsverity.rst).

#ifndef OVERPASS_SYS_VERITY_H_
#define OVERPASS_SYS_VERITY_H_

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

struct VerityDigest {
  uint8_t algorithm = 0;  ///< FS_VERITY_HASH_ALG_*.
  std::string bytes;
};

/// FS_IOC_MEASURE_VERITY of a file open for reading. ENODATA when it has none; ENOTTY or EOPNOTSUPP
/// where the kernel or the file system knows no fs-verity.
Result<VerityDigest> measure_verity(BorrowedFd fd);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_VERITY_H_
