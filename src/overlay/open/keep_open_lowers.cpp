// SPDX-License-Identifier: MIT

#include "overlay/open/keep_open_lowers.h"

#include <fcntl.h>

#include "overlay/find/content.h"
#include "overlay/state/open_mode.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

namespace {

bool is_open_in_lower(const Inode& inode) {
  if (inode.is_directory()) return false;
  Lock lock(inode.mutex);
  return inode.layer != layer::kUpper && inode.opens != nullptr && inode.opens->handles() > 0;
}

}  // namespace

void keep_open_lowers(Overlay& overlay) {
  for (const InodeRef& inode : overlay.table.all()) {
    if (!is_open_in_lower(*inode)) continue;
    const auto content = open_quietly(overlay, *inode, O_PATH);
    if (content && content->layer != layer::kUpper) overlay.mount.keep_file(inode->id, content->fd);
  }
}

}  // namespace overpass::overlay
