// SPDX-License-Identifier: MIT
//
// libfuse's fuse_passthrough_open is not used: it loses the errno, and the errors have meanings.

#include "passthrough/backing_ids.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::passthrough {

namespace {

// From linux/fuse.h of 6.9, which Debian 12's headers predate.
struct BackingMap {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};
constexpr unsigned long kBackingOpen = _IOW(229, 1, BackingMap);
constexpr unsigned long kBackingClose = _IOW(229, 2, uint32_t);

Result<int32_t> register_file(BorrowedFd fuse, BorrowedFd file) {
  BackingMap map = {raw(file), 0, 0};
  return TRY(sys::control(fuse, kBackingOpen, &map));
}

}  // namespace

Result<int32_t> open_backing(BorrowedFd fuse, BorrowedFd file) {
  auto id = register_file(fuse, file);
  if (!id.failed_with(EBADF)) return id;
  // Before 6.12 an O_PATH descriptor is refused. The access mode of the one given instead does not
  // matter: the kernel opens the file anew with each user's flags.
  const UniqueFd opened = TRY(sys::reopen(file, O_RDONLY));
  return register_file(fuse, opened);
}

void close_backing(BorrowedFd fuse, int32_t id) {
  auto argument = static_cast<uint32_t>(id);
  // Fails only when the connection is gone, and the id with it.
  (void)sys::control(fuse, kBackingClose, &argument);
}

}  // namespace overpass::passthrough
