// SPDX-License-Identifier: MIT
//
// file_getattr(2) tells them without opening the file. Kernels before 6.17 do not know it, and the
// file is opened for an ioctl.

#include "sys/inode_flags.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "sys/call_numbers.h"
#include "sys/calls.h"
#include "sys/errno_result.h"
#include "sys/file_io.h"
#include "sys/open.h"
#include "sys/proc.h"

namespace overpass::sys {

namespace {

// All flags that any file system hands down. A flag that a file system does not know is never set
// there.
constexpr uint32_t kInheritedFlags = FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL |
                                     FS_NODUMP_FL | FS_NOATIME_FL | FS_NOCOMP_FL |
                                     FS_JOURNAL_DATA_FL | FS_NOTAIL_FL | FS_DIRSYNC_FL |
                                     FS_NOCOW_FL | FS_DAX_FL | FS_PROJINHERIT_FL;
constexpr uint32_t kInheritedExtendedFlags =
    FS_XFLAG_SYNC | FS_XFLAG_NOATIME | FS_XFLAG_NODUMP | FS_XFLAG_RTINHERIT | FS_XFLAG_PROJINHERIT |
    FS_XFLAG_NOSYMLINKS | FS_XFLAG_EXTSZINHERIT | FS_XFLAG_NODEFRAG | FS_XFLAG_FILESTREAM |
    FS_XFLAG_DAX | FS_XFLAG_COWEXTSIZE;

bool has_none(Errno error) {
  const int number = to_int(error);
  return number == ENOTTY || number == EINVAL || number == EOPNOTSUPP;
}

Result<InodeFlags> by_name(Place place) {
  FileAttributes attributes = {};
  auto get = [&](int directory, const char* name, int flags) {
    return ::syscall(kFileGetAttr, directory, name, &attributes, sizeof attributes, flags);
  };
  // The ioctl takes no O_PATH descriptor.
  TRY(checked(place.is_fd() ? get(raw(own_files()), FdName(place.fd).c_str(), 0)
                            : get(raw(place.fd), place.name, AT_SYMLINK_NOFOLLOW)));
  return InodeFlags{.sync = (attributes.xflags & FS_XFLAG_SYNC) != 0,
                    .no_atime = (attributes.xflags & FS_XFLAG_NOATIME) != 0,
                    .append_only = (attributes.xflags & FS_XFLAG_APPEND) != 0,
                    .immutable = (attributes.xflags & FS_XFLAG_IMMUTABLE) != 0};
}

Result<void> set_flags(BorrowedFd file, uint32_t flags) {
  std::array<char, sizeof(long)> argument{};
  std::memcpy(argument.data(), &flags, sizeof flags);
  TRY(control(file, FS_IOC_SETFLAGS, argument.data()));
  return {};
}

Result<uint32_t> by_ioctl(BorrowedFd file) {
  std::array<char, sizeof(long)> argument{};  // The kernel says long, and uses an int.
  TRY(control(file, FS_IOC_GETFLAGS, argument.data()));
  uint32_t flags = 0;
  std::memcpy(&flags, argument.data(), sizeof flags);
  return flags;
}

Result<InodeFlags> by_opening(Place place) {
  auto file = open_place(place, O_RDONLY | O_NONBLOCK);
  if (file.failed_with(EACCES)) return InodeFlags();  // Not ours to read.
  const uint32_t flags = TRY(by_ioctl(TRY(std::move(file))));
  return InodeFlags{.sync = (flags & FS_SYNC_FL) != 0,
                    .no_atime = (flags & FS_NOATIME_FL) != 0,
                    .append_only = (flags & FS_APPEND_FL) != 0,
                    .immutable = (flags & FS_IMMUTABLE_FL) != 0};
}

}  // namespace

Result<InodeFlags> inode_flags(Place place) {
  auto flags = newer_calls().file_getattr ? by_name(place) : by_opening(place);
  return !flags && has_none(flags.error()) ? InodeFlags() : flags;
}

Result<void> add_inode_flags(BorrowedFd file, InodeFlags flags) {
  const auto now = by_ioctl(file);
  if (!now) return has_none(now.error()) ? Result<void>() : fail(now.error());
  const uint32_t wanted =
      *now | (flags.sync ? FS_SYNC_FL : 0) | (flags.no_atime ? FS_NOATIME_FL : 0);
  return set_flags(file, wanted);
}

Result<Heritage> heritage_of(BorrowedFd directory) {
  const auto flags = by_ioctl(directory);
  struct fsxattr extended = {};
  const auto has_extended = control(directory, FS_IOC_FSGETXATTR, &extended);
  if (!flags && !has_extended) return fail(ENOTTY);
  Heritage heritage;
  heritage.flags = flags.value_or(0) & kInheritedFlags;
  heritage.extended_flags = extended.fsx_xflags & kInheritedExtendedFlags;
  const auto if_handed_down = [&](uint32_t flag, uint32_t value) {
    return (extended.fsx_xflags & flag) != 0 ? value : 0;
  };
  heritage.project = if_handed_down(FS_XFLAG_PROJINHERIT, extended.fsx_projid);
  heritage.extent_size = if_handed_down(FS_XFLAG_EXTSZINHERIT, extended.fsx_extsize);
  heritage.copy_on_write_extent_size = if_handed_down(FS_XFLAG_COWEXTSIZE, extended.fsx_cowextsize);
  return heritage;
}

namespace {

Result<void> set_extended(BorrowedFd directory, const Heritage& heritage) {
  struct fsxattr extended = {};
  TRY(control(directory, FS_IOC_FSGETXATTR, &extended));
  extended.fsx_xflags = (extended.fsx_xflags & ~kInheritedExtendedFlags) | heritage.extended_flags;
  extended.fsx_projid = heritage.project;
  extended.fsx_extsize = heritage.extent_size;
  extended.fsx_cowextsize = heritage.copy_on_write_extent_size;
  TRY(control(directory, FS_IOC_FSSETXATTR, &extended));
  return {};
}

}  // namespace

Result<void> set_heritage(BorrowedFd directory, const Heritage& heritage) {
  Heritage now = TRY(heritage_of(directory));
  auto extended = set_extended(directory, heritage);
  if (extended) now = TRY(heritage_of(directory));
  if (now.flags == heritage.flags) return extended;
  const uint32_t others = TRY(by_ioctl(directory)) & ~kInheritedFlags;
  // The flag of the project has been set with it, or may not be set.
  const uint32_t project = now.flags & FS_PROJINHERIT_FL;
  TRY(set_flags(directory, others | (heritage.flags & ~FS_PROJINHERIT_FL) | project));
  return extended;
}

}  // namespace overpass::sys
