// SPDX-License-Identifier: MIT
//
// fusermount3 looks for the owner of a mount in /etc/mtab, which build chroots lack; umount(8) of
// util-linux finds the owner in the mount table itself. What both say is known from the mount table
// afterwards.

#include "fuse/detach.h"

#include <sys/mount.h>

#include "sys/mount_api.h"
#include "sys/mount_users.h"
#include "sys/program.h"

namespace overpass::fuse {

namespace {

bool is_mounted(const char* mountpoint, const sys::MountedAt& mount) {
  const auto found = sys::mounted_at(mountpoint);
  return found && *found == mount;
}

}  // namespace

bool detach(const char* mountpoint, const sys::MountedAt& mount) {
  if (!is_mounted(mountpoint, mount)) return true;
  if (sys::unmount(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW)) return true;
  (void)sys::run_silently({"fusermount3", "-u", "-q", "-z", "--", mountpoint});
  if (!is_mounted(mountpoint, mount)) return true;
  (void)sys::run_silently({"umount", "-l", "--", mountpoint});
  return !is_mounted(mountpoint, mount);
}

}  // namespace overpass::fuse
