// SPDX-License-Identifier: MIT
//
// Where a file open for reading is registered: on a detached clone of its mount that is read-only,
// below which the kernel refuses every open for writing with EROFS. The client cannot reach a
// clone, so it stays read-only, which a read-only mount of the client's own would not.
//
// Making a clone is cheap, but letting go of one waits for all processors of the machine, and ids
// are closed by the thousand. So one clone is kept for each mount, and the next file of that mount
// is reached on it by its file handle.

#ifndef OVERPASS_BROKER_READ_ONLY_MOUNTS_H_
#define OVERPASS_BROKER_READ_ONLY_MOUNTS_H_

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/stat.h"

namespace overpass::broker {

/// Not for several threads.
class ReadOnlyMounts {
 public:
  /// `own_files` is this process's /proc/PID/fd, or empty: then every file gets a clone of its own.
  /// So it does without CAP_DAC_READ_SEARCH, before Linux 6.8 and where there are no file handles.
  explicit ReadOnlyMounts(UniqueFd own_files = {}) : own_files_(std::move(own_files)) {}

  /// The file open at `file`, whose stat_without_asking() is `stat`, on a read-only mount: an
  /// O_PATH descriptor. REQUIRES: this process is in the mount namespace of the file's mount.
  Result<UniqueFd> reach(BorrowedFd file, const sys::Stat& stat);

 private:
  struct Clone {
    uint64_t cloned_id;  ///< unique_mount_id() of the mount that was cloned,
    uint64_t own_id;     ///< and of the clone.
    UniqueFd file;       ///< Some file on the clone, open; empty: handles are of no use here.
  };

  Result<UniqueFd> reach_by_handle(const Clone& clone, BorrowedFd file, const sys::Stat& stat);
  void keep(uint64_t cloned_id, BorrowedFd path);

  UniqueFd own_files_;
  std::vector<Clone> clones_;
};

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_READ_ONLY_MOUNTS_H_
