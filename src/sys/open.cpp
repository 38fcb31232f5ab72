// SPDX-License-Identifier: MIT
//
// openat(2) and openat2(2).

#include "sys/open.h"

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/errno_result.h"

namespace overpass::sys {

namespace {

Result<UniqueFd> owned(int fd) {
  if (fd < 0) return fail(errno);
  return UniqueFd(fd);
}

Result<UniqueFd> resolved(BorrowedFd root, const char* path, int flags, uint64_t resolve) {
  open_how how = {};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = resolve;
  return owned(static_cast<int>(::syscall(SYS_openat2, raw(root), path, &how, sizeof how)));
}

}  // namespace

Result<UniqueFd> open_path(const char* path, int flags) {
  return owned(::open(path, flags | O_CLOEXEC));
}

Result<UniqueFd> open_at(BorrowedFd directory, const char* name, int flags, mode_t mode) {
  return owned(::openat(raw(directory), name, flags | O_CLOEXEC | O_NOFOLLOW, mode));
}

Result<UniqueFd> open_beneath(BorrowedFd root, const char* path, int flags) {
  return resolved(root, path, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

Result<UniqueFd> open_on_same_mount(BorrowedFd directory, const char* name, int flags) {
  return resolved(directory, name, flags, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
}

Result<UniqueFd> open_in_root(BorrowedFd root, const char* path, int flags) {
  return resolved(root, path, flags, RESOLVE_IN_ROOT);
}

Result<UniqueFd> open_known(BorrowedFd root, const char* path, int flags) {
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20  // 5.12
#endif
  return resolved(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_CACHED);
}

Result<UniqueFd> reopen(BorrowedFd fd, int flags) {
  return owned(::open(ProcPath(itself(fd)).c_str(), (flags & ~O_NOFOLLOW) | O_CLOEXEC));
}

Result<UniqueFd> reopen_by(BorrowedFd own_files, BorrowedFd fd, int flags) {
  return owned(::openat(raw(own_files), std::to_string(raw(fd)).c_str(), flags | O_CLOEXEC));
}

Result<UniqueFd> open_for_listing(BorrowedFd directory, int extra_flags) {
  const int flags = O_RDONLY | O_DIRECTORY | extra_flags;
  auto fd = open_at(directory, ".", flags);
  return fd.failed_with(EACCES) ? reopen(directory, flags) : std::move(fd);
}

Result<UniqueFd> open_place(Place place, int flags) {
  return place.is_fd() ? reopen(place.fd, flags) : open_at(place.fd, place.name, flags);
}

Result<void> allow_waiting(BorrowedFd fd) {
  const int flags = TRY(checked(::fcntl(raw(fd), F_GETFL)));
  if ((flags & O_NONBLOCK) == 0) return {};
  return checked_void(::fcntl(raw(fd), F_SETFL, flags & ~O_NONBLOCK));
}

Result<UniqueFd> open_unnamed(BorrowedFd directory, mode_t mode, int extra_flags) {
  return owned(::openat(raw(directory), ".", O_TMPFILE | O_RDWR | O_CLOEXEC | extra_flags, mode));
}

Result<void> check_writable(BorrowedFd directory) {
  return checked_void(::faccessat(raw(directory), ".", W_OK, AT_EACCESS));
}

}  // namespace overpass::sys
