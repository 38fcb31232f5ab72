// SPDX-License-Identifier: MIT
//
// libfuse's fuse_passthrough_open is not used: it loses the errno, and the errors have meanings.

#include "passthrough/backing_ids.h"

#include <fcntl.h>

#include "sys/fuse_backing.h"
#include "sys/open.h"

namespace overpass::passthrough {

Result<int32_t> open_backing(BorrowedFd fuse, BorrowedFd file) {
  auto id = sys::register_backing(fuse, file);
  if (!id.failed_with(EBADF)) return id;
  // Before 6.12 an O_PATH descriptor is refused. The access mode of the one given instead does not
  // matter: the kernel opens the file anew with each user's flags.
  const UniqueFd opened = TRY(sys::reopen(file, O_RDONLY | O_NONBLOCK));
  return sys::register_backing(fuse, opened);
}

void close_backing(BorrowedFd fuse, int32_t id) { sys::unregister_backing(fuse, id); }

}  // namespace overpass::passthrough
