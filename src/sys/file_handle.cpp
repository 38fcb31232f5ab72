// SPDX-License-Identifier: MIT

#include "sys/file_handle.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>

#include "sys/errno_result.h"
#include "sys/file_io.h"

namespace overpass::sys {

namespace {

/// struct file_handle with room for the largest handle.
struct RawHandle {
  alignas(struct ::file_handle) char storage[sizeof(struct ::file_handle) + MAX_HANDLE_SZ] = {};
  struct ::file_handle* get() {
    return reinterpret_cast<struct ::file_handle*>(storage);
  }
};

}  // namespace

Result<FileHandle> file_handle(Place place) {
  RawHandle raw_handle;
  struct ::file_handle* handle = raw_handle.get();
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  TRY(checked_void(::name_to_handle_at(raw(place.fd), place.name, handle, &mount_id,
                                       place.is_fd() ? AT_EMPTY_PATH : 0)));
  const auto* bytes = reinterpret_cast<const char*>(handle->f_handle);
  return FileHandle{handle->handle_type, std::string(bytes, handle->handle_bytes)};
}

Result<UniqueFd> open_by_handle(BorrowedFd mount, const FileHandle& wanted) {
  if (wanted.bytes.size() > MAX_HANDLE_SZ) return fail(EINVAL);
  RawHandle raw_handle;
  struct ::file_handle* handle = raw_handle.get();
  handle->handle_bytes = static_cast<unsigned>(wanted.bytes.size());
  handle->handle_type = wanted.type;
  std::memcpy(handle->f_handle, wanted.bytes.data(), wanted.bytes.size());
  const int fd = ::open_by_handle_at(raw(mount), handle, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail(errno);
  return UniqueFd(fd);
}

namespace {

/// btrfs has its own question, and overlayfs takes the uuid that this one is answered.
Result<FileSystemUuid> btrfs_uuid(BorrowedFd fd) {
  btrfs_ioctl_fs_info_args answer = {};
  TRY(control(fd, BTRFS_IOC_FS_INFO, &answer));
  FileSystemUuid uuid;
  static_assert(sizeof answer.fsid == sizeof uuid);
  std::copy(std::begin(answer.fsid), std::end(answer.fsid), uuid.begin());
  return uuid;
}

}  // namespace

Result<FileSystemUuid> file_system_uuid(BorrowedFd fd) {
  struct {
    uint8_t length;
    FileSystemUuid uuid;
  } answer = {};  // struct fsuuid2 of linux/fs.h.
  constexpr unsigned long kGetFsUuid = _IOR(0x15, 0, decltype(answer));
  auto asked = control(fd, kGetFsUuid, &answer);
  if (asked.failed_with(ENOTTY)) return btrfs_uuid(fd);
  TRY(std::move(asked));
  if (answer.length != answer.uuid.size()) return fail(ENOTTY);
  return answer.uuid;
}

}  // namespace overpass::sys
