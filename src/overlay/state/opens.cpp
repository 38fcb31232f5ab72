// SPDX-License-Identifier: MIT

#include "overlay/state/opens.h"

namespace overpass::overlay {

bool may_have_unwritten_pages(const Inode& inode) {
  Lock lock(inode.mutex);
  return inode.opens != nullptr && inode.opens->has_cached_writers();
}

bool may_be_open(const Inode& inode) {
  Lock lock(inode.mutex);
  return inode.has_predecessor || (inode.opens != nullptr && inode.opens->handles() > 0);
}

bool may_be_written(const Inode& inode) {
  Lock lock(inode.mutex);
  return inode.opens != nullptr && inode.opens->may_have_writers();
}

void outdate_copy(Inode& inode) {
  if (inode.opens != nullptr && inode.opens->copy != nullptr) inode.opens->copy->outdate();
}

void outdate_copied_content(Inode& inode) {
  if (inode.opens != nullptr && inode.opens->copy != nullptr) {
    inode.opens->copy->outdate_content();
  }
}

void outdate_whole_copy(Inode& inode) {
  outdate_copied_content(inode);
  outdate_copy(inode);
}

void unpin_orphan(Inode& inode) {
  SharedFd orphan;  // Closed after the lock.
  Lock lock(inode.mutex);
  const bool is_open = inode.opens != nullptr && inode.opens->handles() > 0;
  if (inode.extras != nullptr && !is_open) orphan = std::move(inode.extras->pinned_orphan);
}

void drop_idle(ClockCache<BackingId>& idle_backings, const OpenMode& mode) {
  for (const Side side : {Side::Lower, Side::Upper}) {
    if (SharedBacking idle = mode.idle_backing(side)) idle_backings.drop(idle);
  }
}

void drop_idle_backing(ClockCache<BackingId>& idle_backings, Inode& inode) {
  Lock lock(inode.mutex);
  if (inode.opens != nullptr) drop_idle(idle_backings, *inode.opens);
}

}  // namespace overpass::overlay
