// SPDX-License-Identifier: MIT
//
// statx(2) and statvfs(3).

#ifndef OVERPASS_SYS_STAT_H_
#define OVERPASS_SYS_STAT_H_

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/place.h"

namespace overpass::sys {

using Stat = struct statx;

/// Attributes of the place itself (links are not followed), with the birth time where there is one.
Result<Stat> stat(Place place);

/// The same, asked of the file server where there is one (network, FUSE): none that the kernel
/// kept.
Result<Stat> stat_anew(Place place);

/// Attributes of an open file that the kernel knows without asking its file server (network, FUSE).
/// Type, numbers and STATX_ATTR_* flags are right; sizes and times may be old.
Result<Stat> stat_without_asking(BorrowedFd fd);

/// From stat_without_asking(): the mount, by a number that is never given to another. Nothing
/// before Linux 6.8.
std::optional<uint64_t> unique_mount_id(const Stat& stat);

Result<struct statvfs> stat_file_system(BorrowedFd fd);

/// FUSE_SUPER_MAGIC, which linux/magic.h has since 5.10.
inline constexpr uint64_t kFuseMagic = 0x65735546;

/// f_type of statfs(2): which kind of file system (linux/magic.h).
Result<uint64_t> file_system_magic(BorrowedFd fd);

/// The kernel's name of the block device `numbers` ("8:1"), as sysfs and /proc/fs know it ("sda1").
/// ENOENT without sysfs, and for what is no block device.
Result<std::string> block_device_name(const std::string& numbers);

inline dev_t device_of(const Stat& stat) { return makedev(stat.stx_dev_major, stat.stx_dev_minor); }
inline dev_t rdev_of(const Stat& stat) { return makedev(stat.stx_rdev_major, stat.stx_rdev_minor); }
constexpr bool is_directory(const Stat& stat) { return S_ISDIR(stat.stx_mode); }

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_STAT_H_
