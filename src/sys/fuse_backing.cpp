// SPDX-License-Identifier: MIT

#include "sys/fuse_backing.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include <cstdlib>

#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::sys {

static_assert(kBackingOpen == _IOW(229, 1, BackingMap));
static_assert(kBackingClose == _IOW(229, 2, uint32_t));

bool tells_fuse_connections() {
  utsname names = {};
  if (::uname(&names) < 0) return false;
  char* rest = nullptr;
  const unsigned long major = std::strtoul(names.release, &rest, 10);
  const unsigned long minor = *rest == '.' ? std::strtoul(rest + 1, nullptr, 10) : 0;
  return major > 6 || (major == 6 && minor >= 16);
}

Result<int32_t> register_backing(BorrowedFd fuse, BorrowedFd file) {
  BackingMap map = {raw(file), 0, 0};
  return TRY(control(fuse, kBackingOpen, &map));
}

Result<int32_t> open_backing(BorrowedFd fuse, BorrowedFd file) {
  auto id = register_backing(fuse, file);
  if (!id.failed_with(EBADF)) return id;
  // Before 6.12 an O_PATH descriptor is refused. The access mode of the one given instead does not
  // matter: the kernel opens the file anew with each user's flags.
  const UniqueFd opened = TRY(reopen(file, O_RDONLY | O_NONBLOCK));
  return register_backing(fuse, opened);
}

void unregister_backing(BorrowedFd fuse, int32_t id) {
  auto argument = static_cast<uint32_t>(id);
  (void)control(fuse, kBackingClose, &argument);
}

}  // namespace overpass::sys
