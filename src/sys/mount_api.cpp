// SPDX-License-Identifier: MIT
//
// In a user namespace a directory with mounts below it can only be cloned with them, and inherited
// access-time flags are locked; both are tried the strict way first.

#include "sys/mount_api.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>

#include "sys/errno_result.h"
#include "sys/stat.h"

namespace overpass::sys {

namespace {

Result<UniqueFd> open_clone(BorrowedFd directory, unsigned extra_flags) {
  const int fd = ::open_tree(raw(directory), "",
                             OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | extra_flags);
  if (fd < 0) return fail(errno);
  return UniqueFd(fd);
}

/// open_clone() and set_flags() in one call, until that is refused once: ENOSYS before Linux 6.15,
/// EPERM where the caller may not do one of the two.
Result<UniqueFd> open_clone_with(BorrowedFd directory, uint64_t set, uint64_t clear) {
  static std::atomic<bool> is_refused = false;
  if (is_refused) return fail(ENOSYS);
  struct mount_attr attributes = {};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  const long fd = ::syscall(kOpenTreeAttr, raw(directory), "",
                            OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, &attributes,
                            sizeof attributes);
  if (fd >= 0) return UniqueFd(static_cast<int>(fd));
  const int error = errno;
  if (error == ENOSYS || error == EPERM) is_refused = true;
  return fail(error);
}

Result<void> set_flags(BorrowedFd tree, uint64_t set, uint64_t clear, unsigned how) {
  struct mount_attr attributes = {};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  return checked_void(
      ::mount_setattr(raw(tree), "", AT_EMPTY_PATH | how, &attributes, sizeof attributes));
}

}  // namespace

Result<UniqueFd> clone_read_only(BorrowedFd directory, Submounts submounts) {
  // No device can be opened through a layer, whatever its owner puts there.
  constexpr uint64_t kFlags = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
  constexpr uint64_t kStrict = kFlags | MOUNT_ATTR_NOATIME;
  // Whatever it is refused for, the older calls find out what is possible.
  if (auto at_once = open_clone_with(directory, kStrict, MOUNT_ATTR__ATIME)) return at_once;
  unsigned recursive = 0;
  auto tree = open_clone(directory, 0);
  if (tree.failed_with(EINVAL) && submounts == Submounts::Clone) {
    recursive = AT_RECURSIVE;
    tree = open_clone(directory, AT_RECURSIVE);
  }
  UniqueFd clone = TRY(std::move(tree));
  if (!set_flags(clone, kStrict, MOUNT_ATTR__ATIME, recursive)) {
    TRY(set_flags(clone, kFlags, 0, recursive));
  }
  return clone;
}

Result<UniqueFd> clone_tree(BorrowedFd directory) { return open_clone(directory, 0); }

Result<UniqueFd> clone_whole_tree(BorrowedFd directory) {
  auto tree = open_clone(directory, 0);
  return tree.failed_with(EINVAL) ? open_clone(directory, AT_RECURSIVE) : std::move(tree);
}

Result<UniqueFd> path_of(BorrowedFd fd) {
  const int path = ::open_tree(raw(fd), "", OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (path < 0) return fail(errno);
  return UniqueFd(path);
}

Result<void> set_access_times(BorrowedFd tree, AccessTimes times) {
  if (times == AccessTimes::OfTheMount) return {};
  const uint64_t wanted = times == AccessTimes::Never      ? MOUNT_ATTR_NOATIME
                          : times == AccessTimes::Relative ? MOUNT_ATTR_RELATIME
                                                           : MOUNT_ATTR_STRICTATIME;
  return set_flags(tree, wanted, MOUNT_ATTR__ATIME, 0);
}

Result<AccessTimes> access_times_of(BorrowedFd file) {
  const auto found = TRY(stat_file_system(file));
  if ((found.f_flag & ST_NOATIME) != 0) return AccessTimes::Never;
  return (found.f_flag & ST_RELATIME) != 0 ? AccessTimes::Relative : AccessTimes::Strict;
}

Result<void> set_propagation(const char* mountpoint, unsigned long flag) {
  return checked_void(::mount(nullptr, mountpoint, nullptr, flag, nullptr));
}

Result<void> unmount(const char* mountpoint, int flags) {
  return checked_void(::umount2(mountpoint, flags));
}

}  // namespace overpass::sys
