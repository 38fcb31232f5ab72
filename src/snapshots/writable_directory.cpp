// SPDX-License-Identifier: MIT

#include "snapshots/writable_directory.h"

#include "sys/attributes.h"

namespace overpass::snapshots {

namespace {

bool is_writable(const sys::Stat& stat) { return (stat.stx_mode & S_IRWXU) == S_IRWXU; }

}  // namespace

Result<WritableDirectory> WritableDirectory::make(BorrowedFd directory) {
  const sys::Stat stat = TRY(sys::stat(sys::place_of(directory)));
  if (!is_writable(stat)) {
    // Where this is refused, so is what follows.
    (void)sys::change_mode(sys::place_of(directory), (stat.stx_mode | S_IRWXU) & 07777);
  }
  return WritableDirectory(directory, stat);
}

WritableDirectory::WritableDirectory(WritableDirectory&& other) noexcept
    : directory_(other.directory_), stat_(other.stat_) {
  other.is_left_ = true;
}

WritableDirectory::~WritableDirectory() {
  if (is_left_) return;
  const sys::Place place = sys::place_of(directory_);
  if (!is_writable(stat_)) (void)sys::change_mode(place, stat_.stx_mode & 07777);
  (void)sys::copy_times(place, stat_);
}

}  // namespace overpass::snapshots
