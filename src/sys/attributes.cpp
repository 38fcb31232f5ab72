// SPDX-License-Identifier: MIT
//
// fchmodat2 (Linux 6.6) or fchmodat, fchownat, utimensat, ftruncate.

#include "sys/attributes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/call_numbers.h"
#include "sys/calls.h"
#include "sys/errno_result.h"
#include "sys/open.h"
#include "sys/proc.h"

namespace overpass::sys {

namespace {

/// Before Linux 6.6. fchmodat(2) follows links, so it gets a path that cannot be a link any more.
Result<void> change_mode_by_link(Place place, mode_t mode) {
  if (!place.is_fd()) {
    const UniqueFd file = TRY(open_at(place.fd, place.name, O_PATH));
    return change_mode_by_link(place_of(file), mode);
  }
  const Stat current = TRY(stat(place));
  if (S_ISLNK(current.stx_mode)) return fail(EOPNOTSUPP);
  return checked_void(::fchmodat(raw(own_files()), FdName(place.fd).c_str(), mode, 0));
}

}  // namespace

Result<void> change_mode(Place place, mode_t mode) {
  if (!newer_calls().fchmodat2) return change_mode_by_link(place, mode);
  const int flags = AT_SYMLINK_NOFOLLOW | (place.is_fd() ? AT_EMPTY_PATH : 0);
  return checked_void(::syscall(kFchmodAt2, raw(place.fd), place.name, mode, flags));
}

Result<void> change_owner(Place place, uid_t uid, gid_t gid) {
  return checked_void(
      ::fchownat(raw(place.fd), place.name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));
}

Result<void> change_times(Place place, const timespec& access, const timespec& modification) {
  const timespec times[2] = {access, modification};
  const int flags = AT_SYMLINK_NOFOLLOW | (place.is_fd() ? AT_EMPTY_PATH : 0);
  return checked_void(::utimensat(raw(place.fd), place.name, times, flags));
}

Result<void> touch(Place place) {
  return change_times(place, {.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                      {.tv_sec = 0, .tv_nsec = UTIME_NOW});
}

Result<void> copy_times(Place place, const Stat& stat) {
  const timespec access = {stat.stx_atime.tv_sec, stat.stx_atime.tv_nsec};
  const timespec modification = {stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec};
  return change_times(place, access, modification);
}

Result<void> change_size_of_open(BorrowedFd fd, off_t size) {
  return checked_void(::ftruncate(raw(fd), size));
}

}  // namespace overpass::sys
