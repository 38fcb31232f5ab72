// SPDX-License-Identifier: MIT
//
// On which mounts files have been found to be served, so that this need not be asked again for
// every file. A mount is known by a number that is never given to another, and its file system
// never changes. Only what was granted is noted: the rest is asked again.
//
// Where a file open for reading is registered: on a detached clone of its mount that is read-only,
// below which the kernel refuses every open for writing with EROFS. The client cannot reach a
// clone, so it stays read-only, which a read-only mount of the client's own would not.
//
// Making a clone is cheap, but letting go of one waits for all processors of the machine, and ids
// are closed by the thousand. So one clone is kept for each mount of which the client has offered a
// directory, and files of that mount are reached on it by their file handles. A clone keeps what it
// is rooted at: therefore a directory. One rooted at a file, as each file of another mount has it,
// must not be kept beyond that file's id, or the file's space would stay taken after its deletion.

#ifndef OVERPASS_BROKER_CLIENT_MOUNTS_H_
#define OVERPASS_BROKER_CLIENT_MOUNTS_H_

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/stat.h"

namespace overpass::broker {

/// Not for several threads.
class KnownMounts {
 public:
  enum class Files : uint8_t {
    Unknown,   ///< Nothing was noted.
    OnDisk,    ///< Served, and none of them can be sealed.
    InMemory,  ///< Served, but for those that can be sealed.
  };

  /// What is known of the files of the mount of a file whose stat_without_asking() is `stat`.
  /// Unknown before Linux 6.8.
  Files files_like(const sys::Stat& stat) const;

  /// Notes that files there are served; `file_system` is f_type of statfs(2).
  void note_served(const sys::Stat& stat, uint64_t file_system);

 private:
  struct Mount {
    uint64_t id;  ///< unique_mount_id().
    Files files;
  };
  std::vector<Mount> mounts_;
};

/// Not for several threads.
class ReadOnlyMounts {
 public:
  /// `own_files` is this process's /proc/PID/fd, or empty: then every file gets a clone of its own.
  /// So it does without CAP_DAC_READ_SEARCH, before Linux 6.8 and where there are no file handles.
  explicit ReadOnlyMounts(UniqueFd own_files = {}) : own_files_(std::move(own_files)) {}

  /// Files of the mount of `directory`, which may be O_PATH and whose stat_without_asking() is
  /// `stat`, are reached on one clone from now on, if file handles are of use there. The errno of
  /// the kernel where the mount cannot be cloned. REQUIRES: as reach().
  Result<void> keep(BorrowedFd directory, const sys::Stat& stat);

  /// The file open at `file`, whose stat_without_asking() is `stat`, on a read-only mount: an
  /// O_PATH descriptor. REQUIRES: this process is in the mount namespace of the file's mount.
  Result<UniqueFd> reach(BorrowedFd file, const sys::Stat& stat) const;

 private:
  struct Clone {
    uint64_t cloned_id;  ///< unique_mount_id() of the mount that was cloned,
    uint64_t own_id;     ///< and of the clone.
    UniqueFd directory;  ///< Its root, open; not O_PATH, on which handles are not looked up.
  };

  static Result<UniqueFd> reach_by_handle(const Clone& clone, BorrowedFd file,
                                          const sys::Stat& stat);
  const Clone* clone_of(const sys::Stat& stat) const;

  UniqueFd own_files_;
  std::vector<Clone> clones_;
};

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_CLIENT_MOUNTS_H_
