// SPDX-License-Identifier: MIT
//
// open_tree(2), move_mount(2), mount_setattr(2), pivot_root(2), statx(2).

#include "sys/mount_tree.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/errno_result.h"

namespace overpass::sys {

Result<UniqueFd> clone_mount(const std::string& path, Whole whole) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (whole == Whole::Yes) flags |= AT_RECURSIVE;
  const int fd = ::open_tree(AT_FDCWD, path.c_str(), flags);
  if (fd < 0) return fail(errno);
  return UniqueFd(fd);
}

Result<void> restrict_tree(BorrowedFd tree, uint64_t flags) {
  struct mount_attr attributes = {};
  attributes.attr_set = flags;
  return checked_void(
      ::mount_setattr(raw(tree), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes));
}

Result<void> restrict_mount(const std::string& path, uint64_t flags) {
  struct mount_attr attributes = {};
  attributes.attr_set = flags;
  return checked_void(
      ::mount_setattr(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, &attributes, sizeof attributes));
}

Result<void> attach_mount(BorrowedFd tree, const std::string& path) {
  return checked_void(::move_mount(raw(tree), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH));
}

Result<void> mount_new(const char* type, const std::string& path, unsigned long flags,
                       const char* options) {
  return checked_void(::mount(type, path.c_str(), type, flags, options));
}

Result<void> make_mounts_private() {
  return checked_void(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
}

Result<void> change_root(const std::string& path) {
  TRY(checked_void(::chdir(path.c_str())));
  // The old root comes to lie over the new one, and is taken away from there (pivot_root(2)).
  TRY(checked_void(::syscall(SYS_pivot_root, ".", ".")));
  TRY(checked_void(::umount2(".", MNT_DETACH)));
  return checked_void(::chdir("/"));
}

Result<uint64_t> mount_id_of(BorrowedFd file) {
  struct statx found = {};
  TRY(checked_void(::statx(raw(file), "", AT_EMPTY_PATH, STATX_MNT_ID, &found)));
  if ((found.stx_mask & STATX_MNT_ID) == 0) return fail(ENOSYS);
  return found.stx_mnt_id;
}

}  // namespace overpass::sys
