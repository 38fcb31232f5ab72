// SPDX-License-Identifier: MIT
//
// mkdirat, mknodat, symlinkat, linkat, unlinkat, renameat2, readlinkat.

#include "sys/names.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/calls.h"
#include "sys/errno_result.h"
#include "sys/open.h"
#include "sys/proc.h"

namespace overpass::sys {

Result<void> make_directory(BorrowedFd directory, const char* name, mode_t mode) {
  return checked_void(::mkdirat(raw(directory), name, mode));
}

Result<UniqueFd> make_and_open_directory(BorrowedFd directory, const char* name, mode_t mode) {
  TRY(make_directory(directory, name, mode));
  return open_at(directory, name, O_RDONLY | O_DIRECTORY);
}

Result<void> make_node(BorrowedFd directory, const char* name, mode_t mode, dev_t device) {
  if (newer_calls().mknodat) return checked_void(::mknodat(raw(directory), name, mode, device));
  if (!S_ISREG(mode)) return fail(EPERM);
  TRY(open_at(directory, name, O_CREAT | O_EXCL | O_WRONLY, mode & ~static_cast<mode_t>(S_IFMT)));
  return {};
}

Result<void> make_symlink(BorrowedFd directory, const char* name, const char* target) {
  return checked_void(::symlinkat(target, raw(directory), name));
}

Result<void> make_link(Place from, BorrowedFd directory, const char* name) {
  if (!from.is_fd()) {
    return checked_void(::linkat(raw(from.fd), from.name, raw(directory), name, 0));
  }
  // AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH before 6.10; the magic link needs nothing.
  return checked_void(
      ::linkat(raw(own_files()), FdName(from.fd).c_str(), raw(directory), name, AT_SYMLINK_FOLLOW));
}

Result<void> remove_file(BorrowedFd directory, const char* name) {
  return checked_void(::unlinkat(raw(directory), name, 0));
}

Result<void> remove_directory(BorrowedFd directory, const char* name) {
  return checked_void(::unlinkat(raw(directory), name, AT_REMOVEDIR));
}

Result<void> rename(Place from, Place to, unsigned flags) {
  // Not the library's, which makes another call where there are no flags.
  return checked_void(
      ::syscall(SYS_renameat2, raw(from.fd), from.name, raw(to.fd), to.name, flags));
}

Result<std::string> read_link(Place place) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length =
      TRY(checked(::readlinkat(raw(place.fd), place.name, target.data(), target.size())));
  target.resize(static_cast<size_t>(length));
  return target;
}

}  // namespace overpass::sys
