// SPDX-License-Identifier: MIT
//
// openat(2) and openat2(2), or their substitutes.

#include "sys/open.h"

#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "sys/calls.h"
#include "sys/errno_result.h"
#include "sys/proc.h"
#include "sys/stat.h"

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

Result<UniqueFd> open_file_for_appending(const char* path) {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  return owned(::open(path, kFlags, 0600));
}

Result<UniqueFd> open_at(BorrowedFd directory, const char* name, int flags, mode_t mode) {
  return owned(::openat(raw(directory), name, flags | O_CLOEXEC | O_NOFOLLOW, mode));
}

namespace {

/// For a symbolic link in the way openat2(2) says ELOOP; openat(2) says only that it is no
/// directory.
Errno why_not_entered(BorrowedFd directory, const char* name, Errno error) {
  const auto found = error == Errno{ENOTDIR} ? stat({directory, name}) : fail(error);
  return found && S_ISLNK(found->stx_mode) ? Errno{ELOOP} : error;
}

Result<UniqueFd> open_last(BorrowedFd directory, const char* name, int flags) {
  auto fd = open_at(directory, name, flags);
  if (!fd) return fail(why_not_entered(directory, name, fd.error()));
  // With O_PATH a link itself would be opened.
  if ((flags & O_PATH) != 0 && (flags & O_NOFOLLOW) == 0) {
    const Stat opened = TRY(stat(place_of(*fd)));
    if (S_ISLNK(opened.stx_mode)) return fail(ELOOP);
  }
  return fd;
}

/// Stands in for openat2(2) where that is forbidden: one component at a time, none through a link,
/// none upwards.
Result<UniqueFd> walk_beneath(BorrowedFd root, std::string_view path, int flags) {
  if (path.empty()) return fail(ENOENT);
  if (path.front() == '/') return fail(EXDEV);
  UniqueFd reached;
  while (true) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string name(path.substr(0, end));
    path.remove_prefix(std::min(path.find_first_not_of('/', end), path.size()));
    if (name == "..") return fail(EXDEV);
    const BorrowedFd directory = reached ? reached.get() : root;
    if (path.empty()) return open_last(directory, name.c_str(), flags);
    auto next = open_at(directory, name.c_str(), O_PATH | O_DIRECTORY);
    if (!next) return fail(why_not_entered(directory, name.c_str(), next.error()));
    reached = std::move(*next);
  }
}

}  // namespace

Result<UniqueFd> open_beneath(BorrowedFd root, const char* path, int flags) {
  if (!newer_calls().openat2) return walk_beneath(root, path, flags);
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
  if (raw(own_files()) < 0) return fail(ENOENT);
  return reopen_by(own_files(), fd, flags & ~O_NOFOLLOW);
}

Result<UniqueFd> reopen_by(BorrowedFd own_files, BorrowedFd fd, int flags) {
  return owned(::openat(raw(own_files), FdName(fd).c_str(), flags | O_CLOEXEC));
}

namespace {

Result<UniqueFd> open_listing(BorrowedFd directory, int flags) {
  auto fd = open_at(directory, ".", flags);
  return fd.failed_with(EACCES) ? reopen(directory, flags) : std::move(fd);
}

}  // namespace

Result<UniqueFd> open_for_listing(BorrowedFd directory) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY;
  auto fd = open_listing(directory, kFlags | O_NOATIME);
  // Only the owner may ask for it.
  return fd.failed_with(EPERM) ? open_listing(directory, kFlags) : std::move(fd);
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

Result<UniqueFd> open_without_links(const char* path) {
  return resolved(BorrowedFd{AT_FDCWD}, path, O_PATH | O_NOFOLLOW,
                  RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

Result<UniqueFd> open_in_memory() {
  constexpr unsigned kNotExecutable =
      8;  // MFD_NOEXEC_SEAL, Linux 6.3; vm.memfd_noexec may want it.
  const int file = ::memfd_create("overpass", MFD_CLOEXEC | kNotExecutable);
  if (file >= 0 || errno != EINVAL) return UniqueFd(TRY(checked(file)));
  return UniqueFd(TRY(checked(::memfd_create("overpass", MFD_CLOEXEC))));
}

Result<void> check_writable(BorrowedFd directory) {
  if (newer_calls().faccessat2) {
    return checked_void(::faccessat(raw(directory), ".", W_OK, AT_EACCESS));
  }
  // Uses the real ids, which in a daemon are the effective ones.
  return checked_void(::syscall(SYS_faccessat, raw(directory), ".", W_OK));
}

}  // namespace overpass::sys
