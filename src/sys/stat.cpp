// SPDX-License-Identifier: MIT
//
// statx(2), fstatvfs(3), fstatfs(2).

#include "sys/stat.h"

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "sys/errno_result.h"

namespace overpass::sys {

namespace {

Result<Stat> stat_with(Place place, int flags) {
  Stat result;
  flags |= AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
  if (::statx(raw(place.fd), place.name, flags, STATX_BASIC_STATS | STATX_BTIME, &result) < 0) {
    return fail(errno);
  }
  return result;
}

constexpr unsigned kUniqueMountId = 0x4000;  // STATX_MNT_ID_UNIQUE of 6.8.

}  // namespace

Result<Stat> stat(Place place) { return stat_with(place, 0); }

Result<Stat> stat_anew(Place place) { return stat_with(place, AT_STATX_FORCE_SYNC); }

Result<Stat> stat_without_asking(BorrowedFd fd) {
  Stat result;
  const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  const unsigned wanted = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_INO | kUniqueMountId;
  if (::statx(raw(fd), "", flags, wanted, &result) < 0) return fail(errno);
  return result;
}

std::optional<uint64_t> unique_mount_id(const Stat& stat) {
  if ((stat.stx_mask & kUniqueMountId) == 0) return std::nullopt;
  return stat.stx_mnt_id;
}

Result<struct statvfs> stat_file_system(BorrowedFd fd) {
  struct statvfs result;
  TRY(checked_void(::fstatvfs(raw(fd), &result)));
  return result;
}

Result<uint64_t> file_system_magic(BorrowedFd fd) {
  struct statfs result;
  TRY(checked_void(::fstatfs(raw(fd), &result)));
  return static_cast<uint64_t>(result.f_type);
}

Result<std::string> block_device_name(const std::string& numbers) {
  std::array<char, 512> target;
  const std::string link = "/sys/dev/block/" + numbers;
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  if (length < 0) return fail(errno);
  const std::string_view path(target.data(), static_cast<size_t>(length));
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace overpass::sys
