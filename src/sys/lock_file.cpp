// SPDX-License-Identifier: MIT
//
// A lease for readers is refused while any process has write access; a shared mapping keeps that
// access.

#include "sys/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <csignal>

#include "sys/errno_result.h"

namespace overpass::sys {

Result<void> lock_file(BorrowedFd fd) { return checked_void(::flock(raw(fd), LOCK_EX | LOCK_NB)); }

Result<void> lock_file_shared(BorrowedFd fd) { return checked_void(::flock(raw(fd), LOCK_SH)); }

Result<bool> is_open_for_writing(BorrowedFd fd) {
  // A process that opens the file at this moment waits for the lease's end. The notice of that must
  // not end this process, as SIGIO would.
  TRY(checked_void(::fcntl(raw(fd), F_SETSIG, SIGURG)));
  const auto lease = checked_void(::fcntl(raw(fd), F_SETLEASE, F_RDLCK));
  if (lease.failed_with(EAGAIN)) return true;
  TRY(lease);
  TRY(checked_void(::fcntl(raw(fd), F_SETLEASE, F_UNLCK)));
  return false;
}

}  // namespace overpass::sys
