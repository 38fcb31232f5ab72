// SPDX-License-Identifier: MIT
//
// name_to_handle_at(2) and open_by_handle_at(2): a file's identity on its file system, which
// outlives renames and remounts.

#ifndef OVERPASS_SYS_FILE_HANDLE_H_
#define OVERPASS_SYS_FILE_HANDLE_H_

#include <array>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/place.h"

namespace overpass::sys {

struct FileHandle {
  int type = 0;
  std::string bytes;
  bool operator==(const FileHandle&) const = default;
};

/// EOPNOTSUPP where the file system has none.
Result<FileHandle> file_handle(Place place);

/// The file of a handle, as an O_PATH descriptor. `mount` is any open file of the file system, not
/// O_PATH. EPERM without CAP_DAC_READ_SEARCH; ESTALE when the file is gone.
Result<UniqueFd> open_by_handle(BorrowedFd mount, const FileHandle& handle);

using FileSystemUuid = std::array<uint8_t, 16>;

/// FS_IOC_GETFSUUID (6.9) of an open file's file system, or what btrfs has in its place. ENOTTY
/// where there is none.
Result<FileSystemUuid> file_system_uuid(BorrowedFd fd);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_FILE_HANDLE_H_
