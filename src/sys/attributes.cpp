// SPDX-License-Identifier: MIT
//
// fchmodat2 (Linux 6.6) or chmod, fchownat, utimensat, ftruncate.

#include "sys/attributes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/errno_result.h"
#include "sys/open.h"

namespace overpass::sys {

Result<void> change_mode(Place place, mode_t mode) {
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452  // The same on every architecture; glibc 2.36 does not name it.
#endif
  const int flags = AT_SYMLINK_NOFOLLOW | (place.is_fd() ? AT_EMPTY_PATH : 0);
  auto changed = checked_void(::syscall(SYS_fchmodat2, raw(place.fd), place.name, mode, flags));
  if (!changed.failed_with(ENOSYS)) return changed;
  // Before 6.6. chmod(2) follows links, so a link has to be refused by hand.
  const Stat current = TRY(stat(place));
  if (S_ISLNK(current.stx_mode)) return fail(EOPNOTSUPP);
  return checked_void(::chmod(ProcPath(place).c_str(), mode));
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
