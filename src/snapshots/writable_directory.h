// SPDX-License-Identifier: MIT
//
// A directory of an upper that nobody has mounted, while names in it are made or removed.

#ifndef OVERPASS_SNAPSHOTS_WRITABLE_DIRECTORY_H_
#define OVERPASS_SNAPSHOTS_WRITABLE_DIRECTORY_H_

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/stat.h"

namespace overpass::snapshots {

/// Lets the owner write to the directory, whatever its mode. At the end mode and times are those of
/// before.
class WritableDirectory {
 public:
  /// `directory` may be O_PATH, and outlives this.
  static Result<WritableDirectory> make(BorrowedFd directory);
  WritableDirectory(WritableDirectory&& other) noexcept;
  WritableDirectory& operator=(WritableDirectory&&) = delete;
  ~WritableDirectory();

 private:
  WritableDirectory(BorrowedFd directory, const sys::Stat& stat)
      : directory_(directory), stat_(stat) {}

  BorrowedFd directory_;
  sys::Stat stat_;
  bool is_left_ = false;
};

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_WRITABLE_DIRECTORY_H_
