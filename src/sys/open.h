// SPDX-License-Identifier: MIT
//
// Opening files. Every descriptor is close-on-exec, and no open here follows a symbolic link in the
// part of the path that a layer controls.

#ifndef OVERPASS_SYS_OPEN_H_
#define OVERPASS_SYS_OPEN_H_

#include <fcntl.h>
#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/place.h"

namespace overpass::sys {

/// open(2) of a path that the user named (an option); follows symbolic links.
Result<UniqueFd> open_path(const char* path, int flags);

/// open(2) of a file that the user named, for writing at its end; made with mode 0600 if it is
/// missing. No open and no write waits for the reader of a pipe (O_NONBLOCK); ENXIO without one.
Result<UniqueFd> open_file_for_appending(const char* path);

/// openat(2) of one component, O_NOFOLLOW added. `mode` matters with O_CREAT only.
Result<UniqueFd> open_at(BorrowedFd directory, const char* name, int flags, mode_t mode = 0);

/// openat2(2) of a relative path of several components, none of them "..", that may not leave
/// `root` nor pass through any symbolic link. EXDEV or ELOOP when it would.
Result<UniqueFd> open_beneath(BorrowedFd root, const char* path, int flags);

/// openat2(2) of one component that is neither a symbolic link nor a mountpoint. ELOOP or EXDEV
/// when it is.
Result<UniqueFd> open_on_same_mount(BorrowedFd directory, const char* name, int flags);

/// openat2(2) of a path in which "/" and links to it mean `root`, as after chroot(2).
Result<UniqueFd> open_in_root(BorrowedFd root, const char* path, int flags);

/// Opens only what the kernel has in memory, so that it waits for no disk or server: otherwise
/// EAGAIN (before Linux 5.12: EINVAL).
Result<UniqueFd> open_known(BorrowedFd root, const char* path, int flags);

/// A new open file description of the file, also from an O_PATH descriptor. ENOENT without a procfs
/// (sys/proc.h).
Result<UniqueFd> reopen(BorrowedFd fd, int flags);

/// Reopens without looking up a path: `own_files` is this process's /proc/PID/fd, opened while
/// /proc could still be trusted.
Result<UniqueFd> reopen_by(BorrowedFd own_files, BorrowedFd fd, int flags);

/// A new open file description, for listing, of the directory at `directory` (O_PATH will do).
/// Permission to read it is enough; permission to search it is not needed where there is /proc.
/// Listing leaves no access time if this process may ask for that.
Result<UniqueFd> open_for_listing(BorrowedFd directory);

/// open(2) of a Place: open_at for a name, reopen for a descriptor.
Result<UniqueFd> open_place(Place place, int flags);

/// Takes O_NONBLOCK away from an open file. For some file systems it also makes reads and writes
/// fail instead of waiting for the disk.
Result<void> allow_waiting(BorrowedFd fd);

/// An unnamed file (O_TMPFILE) on the file system of `directory`, readable and writable.
/// EOPNOTSUPP where the file system has none.
Result<UniqueFd> open_unnamed(BorrowedFd directory, mode_t mode, int extra_flags = 0);

/// A path without any symbolic link in it (O_PATH). ELOOP where there is one.
Result<UniqueFd> open_without_links(const char* path);

/// A file of its own in memory (memfd_create(2)). EMFILE, ENOMEM.
Result<UniqueFd> open_in_memory();

/// Whether this process may make entries in `directory`: EACCES, EROFS.
Result<void> check_writable(BorrowedFd directory);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_OPEN_H_
