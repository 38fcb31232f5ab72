// SPDX-License-Identifier: MIT
//
// The shown mode stays kept when the moment is over: another thread may have read the disk during
// it and not have used the answer yet.

#include "overlay/find/scoped_writable.h"

#include <sys/stat.h>
#include <unistd.h>

#include "sys/attributes.h"

namespace overpass::overlay {

bool keeps_modes() {
  static const bool is_root = ::geteuid() == 0;
  return !is_root;
}

ScopedWritable::ScopedWritable(Inode& directory, BorrowedFd upper, const sys::Stat& stat)
    : upper_(upper), mode_(stat.stx_mode & 07777) {
  constexpr mode_t kNeeded = S_IWUSR | S_IXUSR;
  if (!keeps_modes() || (mode_ & kNeeded) == kNeeded) return;
  directory.directory->kept_mode = mode_ | S_IFDIR;
  // Refused where another user owns it; then the change is refused as well.
  given_ = sys::change_mode(sys::place_of(upper_), mode_ | kNeeded).has_value();
}

ScopedWritable::~ScopedWritable() {
  if (given_) (void)sys::change_mode(sys::place_of(upper_), mode_);
}

ModeChange::ModeChange(Inode& directory) {
  if (!keeps_modes()) return;
  names_.emplace(directory.directory->names);
  directory.directory->kept_mode = 0;
}

}  // namespace overpass::overlay
