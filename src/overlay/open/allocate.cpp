// SPDX-License-Identifier: MIT
//
// fallocate(2) that may take long. It must be one call, since a call that fails for lack of space
// leaves nothing behind. tmpfs takes page after page, a few GiB in a second at best, and gives them
// back when the thread is killed.

#include "overlay/open/copyattr.h"
#include "overlay/open/file_io.h"
#include "overlay/open/open_file.h"
#include "overlay/state/caller.h"
#include "overlay/state/overlay.h"
#include "sys/child_call.h"
#include "sys/credentials.h"
#include "sys/file_io.h"

namespace overpass::overlay {

namespace {

/// A few milliseconds, where it is taken page by page.
constexpr off_t kLong = off_t{16} << 20;

}  // namespace

bool is_long_allocation(const Overlay& overlay, const OpenFile& file, off_t length) {
  // File servers have threads of their own, and undo nothing.
  return length > kLong && !overlay.stack.layers[file.layer()].is_remote;
}

Result<void> allocate_killably(Overlay& overlay, const Caller& caller, OpenFile& file, int mode,
                               off_t offset, off_t length) {
  TRY(caller.check_may_wait());
  const SharedFd fd = TRY(content_for_allocation(overlay, file, mode));
  ContentChange change(overlay, file.inode(), end_of_allocation(mode, offset, length));
  const sys::KeepingSetgid keeping(change.take_set_ids(fd->fd, caller));
  sys::ChildCall call([&] { return sys::allocate(fd->fd, mode, offset, length); });
  auto allocated = overlay.killable_calls.make(caller.thread, call);
  copyattr_now(std::move(change), fd->fd);
  return allocated;
}

}  // namespace overpass::overlay
