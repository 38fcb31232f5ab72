// SPDX-License-Identifier: MIT
//
// An ordinary user's own directory without write permission (mode 0555). What is in it may be
// changed, which begins with a copy in the upper's directory; without CAP_DAC_OVERRIDE that takes
// write permission there for a moment. The union goes on showing the directory's own mode. A crash
// in that moment leaves the owner with more permission than the mode gave before.

#ifndef OVERPASS_OVERLAY_FIND_SCOPED_WRITABLE_H_
#define OVERPASS_OVERLAY_FIND_SCOPED_WRITABLE_H_

#include <sys/types.h>

#include <optional>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "overlay/state/inode.h"
#include "sys/stat.h"

namespace overpass::overlay {

/// While this lives, the daemon may make names in a directory of the upper that its user owns.
/// REQUIRES: the directory's names are held exclusively for this time.
class ScopedWritable {
 public:
  /// For the directory open at `upper` with the attributes `stat`.
  ScopedWritable(Inode& directory, BorrowedFd upper, const sys::Stat& stat);
  ScopedWritable(const ScopedWritable&) = delete;
  ScopedWritable& operator=(const ScopedWritable&) = delete;
  ~ScopedWritable();

 private:
  const BorrowedFd upper_;
  const mode_t mode_;
  bool given_ = false;
};

/// Whether modes of directories have to be kept apart from what is on disk: not for root.
bool keeps_modes();

/// While this lives, the mode of a directory is changed for good, by chmod(2) or an ACL.
/// L: none on entry; the directory's names are held exclusively where modes are kept.
class ModeChange {
 public:
  explicit ModeChange(Inode& directory);
  ModeChange(const ModeChange&) = delete;
  ModeChange& operator=(const ModeChange&) = delete;

 private:
  std::optional<Lock<SharedMutex<LockRank::Directory>>> names_;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_SCOPED_WRITABLE_H_
