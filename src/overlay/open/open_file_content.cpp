// SPDX-License-Identifier: MIT
//
// The descriptors that a handle opens when something needs them.

#include <fcntl.h>

#include <utility>

#include "overlay/find/content.h"
#include "overlay/find/locate.h"
#include "overlay/open/open_file.h"
#include "overlay/state/overlay.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

layer::LayerIndex current_content_layer(const Inode& inode) {
  Lock lock(inode.mutex);
  return content_layer(inode);
}

}  // namespace

Result<SharedFd> OpenFile::content(Overlay& overlay) {
  if (is_writable()) return fd_;
  const InodeRef target = current(inode_);
  // The superseded node's passed-through readers hold the lower; the daemon's own reads are of the
  // file as it is now, as overlayfs answers.
  const layer::LayerIndex wanted = current_content_layer(*target);
  {
    Lock lock(inode_->mutex);
    SharedFd known = fd_ != nullptr ? fd_ : cached_.lock();
    if (known != nullptr) known->used.store(true, std::memory_order_relaxed);
    if (known != nullptr && layer_ == wanted) return known;
  }
  Content content = TRY(open_quietly(overlay, *target, O_RDONLY | (flags_ & O_NOATIME)));
  TRY(sys::allow_waiting(content.fd));
  const SharedFd opened = std::make_shared<CachedFd>(std::move(content.fd));
  SharedFd outdated;
  {
    Lock lock(inode_->mutex);
    layer_ = content.layer;
    if (lease_) {
      fd_ = opened;
      return opened;
    }
    outdated = take_cached();
    cached_ = opened;
  }
  if (outdated != nullptr) overlay.reader_fds.drop(outdated);
  overlay.reader_fds.keep(opened);
  return opened;
}

SharedFd OpenFile::take_cached() { return std::exchange(cached_, {}).lock(); }

Result<DirectContent> OpenFile::direct_content(Overlay& overlay) {
  const SharedFd base = TRY(content(overlay));
  {
    Lock lock(inode_->mutex);
    if (direct_of_ == base) return direct_;
  }
  auto lease = overlay.descriptors.lease(lease_.user());
  if (!lease) return DirectContent{base, false};
  // The handle's own descriptor stays as it is: its user may take O_DIRECT back (fcntl(2)), and it
  // is the one that sees the write errors of others.
  const sys::Place place = sys::place_of(base->fd);
  auto reopened = open_regular(place, (is_writable() ? O_RDWR : O_RDONLY) | O_DIRECT);
  if (reopened.failed_with(EACCES) && is_writable()) {
    reopened = open_regular(place, O_WRONLY | O_DIRECT);
  }
  DirectContent opened = {base, false};
  if (reopened) {
    TRY(sys::allow_waiting(*reopened));
    opened = {std::make_shared<CachedFd>(std::move(*reopened)), true};
  } else if (!reopened.failed_with(EACCES) && !reopened.failed_with(EPERM)) {
    return fail(reopened.error());
  }
  Lock lock(inode_->mutex);
  direct_ = opened;
  direct_of_ = base;
  if (opened.is_direct) direct_lease_ = *std::move(lease);
  return opened;
}

}  // namespace overpass::overlay
