// SPDX-License-Identifier: MIT

#include "overlay/open/reopen.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "overlay/find/content.h"
#include "overlay/find/locate.h"
#include "overlay/find/mappings.h"
#include "overlay/state/caller.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

/// What takes no reads and no writes.
SharedFd useless_file(const Overlay& overlay) {
  auto file = sys::reopen(overlay.roots.back()->fd, O_PATH);
  return std::make_shared<CachedFd>(file ? std::move(*file) : UniqueFd());
}

/// Opens a file for writing whose mode keeps its own user, who runs the daemon, from it: it was
/// made so, or got the mode since it was opened.
Result<Content> open_against_mode(Overlay& overlay, Inode& inode, int flags) {
  Content content = TRY(open_quietly(overlay, inode, O_PATH));
  const sys::Place place = sys::place_of(content.fd);
  const mode_t mode = content.stat.stx_mode & 07777;
  if (content.layer != layer::kUpper || (mode & S_IWUSR) != 0) return fail(EACCES);
  TRY(sys::change_mode(place, mode | S_IRUSR | S_IWUSR));
  auto opened = sys::reopen(content.fd, flags | O_NONBLOCK);
  TRY(sys::change_mode(place, mode));
  content.fd = TRY(std::move(opened));
  return content;
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
  if (content.failed_with(EACCES) && writes) {
    content = open_against_mode(overlay, *target, flags);
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
