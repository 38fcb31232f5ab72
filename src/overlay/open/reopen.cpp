// SPDX-License-Identifier: MIT

#include "overlay/open/reopen.h"

#include <fcntl.h>

#include "base/log.h"
#include "overlay/find/content.h"
#include "overlay/find/locate.h"
#include "overlay/find/mappings.h"
#include "overlay/state/caller.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

/// What takes no reads and no writes.
SharedFd useless_file(const Overlay& overlay) {
  auto file = sys::reopen(overlay.roots.back()->fd, O_PATH);
  return std::make_shared<CachedFd>(file ? std::move(*file) : UniqueFd());
}

/// The descriptor that a handle owns (open_file.h); null for one that owns none.
SharedFd own_file(Overlay& overlay, const InodeRef& inode, const FormerOpen& former,
                  layer::LayerIndex& layer) {
  const bool writes = is_writing(former.flags);
  if (!writes && former.backing != nullptr) return nullptr;
  constexpr int kKept = O_ACCMODE | O_DSYNC | O_SYNC | O_NOATIME;
  const int flags = writes ? former.flags & kKept : O_RDONLY | (former.flags & O_NOATIME);
  const int wanted = writes ? own_access(overlay, former.flags, flags) : flags;
  const InodeRef target = current(inode);
  auto content = open_quietly(overlay, *target, wanted);
  if (content.failed_with(EACCES) && wanted != flags) {
    content = open_quietly(overlay, *target, flags);
  }
  if (content.failed_with(EPERM) && (former.flags & O_APPEND) != 0) {
    content = open_quietly(overlay, *target, flags | O_APPEND);
  }
  if (content && !sys::allow_waiting(content->fd)) content = fail(EBADF);
  if (!content) return useless_file(overlay);
  layer = content->layer;
  return std::make_shared<CachedFd>(std::move(content->fd));
}

}  // namespace

std::unique_ptr<OpenFile> reopen(Overlay& overlay, const InodeRef& inode, FormerOpen former) {
  layer::LayerIndex layer = layer::kUpper;
  SharedFd fd = own_file(overlay, inode, former, layer);
  const SharedFd of_upper = layer == layer::kUpper ? fd : nullptr;
  DescriptorLease lease;
  // There was one for it.
  if (fd != nullptr) lease = overlay.descriptors.lease(former.user).value_or(DescriptorLease());
  const bool is_passed_through = former.backing != nullptr;
  auto file = std::make_unique<OpenFile>(inode, former.flags,
                                         is_passed_through ? Serving::Passthrough : Serving::Cached,
                                         std::move(fd), layer, std::move(lease));
  Lock lock(inode->mutex);
  OpenMode& mode = open_mode_of(overlay, *inode);
  mode.note_open(former.user, of_upper);
  const bool writes = is_writing(former.flags);
  if (writes) inode->diverged = true;
  if (!is_passed_through) {
    mode.opened_cached(writes);
  } else if (mode.handles() == 0) {
    mode.opened_new(former.side, former.backing);
    overlay.idle_backings.keep(former.backing);
  } else {
    mode.opened_held();
  }
  if (is_passed_through) (void)note_mappable(*inode, former.flags);
  return file;
}

}  // namespace overpass::overlay
