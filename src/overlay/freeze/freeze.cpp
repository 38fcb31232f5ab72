// SPDX-License-Identifier: MIT
//
// All that can fail comes before the first change that is seen, or can be taken back.

#include "overlay/freeze/freeze.h"

#include "base/log.h"
#include "base/scope_exit.h"
#include "overlay/copy_up/prepare_copy.h"
#include "overlay/freeze/frozen_index.h"
#include "overlay/freeze/kept_files.h"
#include "overlay/freeze/layer_shift.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

namespace {

/// With the prefix of users only regular files are indexed; links of others would part. The kernel
/// would know one inode by names that then lead to two files.
Result<void> check_links(const Overlay& overlay,
                         const LayerShift& shift) NO_THREAD_SAFETY_ANALYSIS {
  if (overlay.stack.prefix != layer::Prefix::User) return {};
  for (const InodeRef& inode : shift.frozen()) {
    const bool has_links = inode->extras != nullptr && !inode->extras->more_links.empty();
    if (inode->is_regular() || !has_links) continue;
    log::warn("the upper is not frozen: '%s', which is no regular file, has several links",
              inode->link.name.c_str());
    return fail(EOPNOTSUPP);
  }
  return {};
}

}  // namespace

Result<Frozen> freeze(Overlay& overlay, NewUpper fresh) {
  const std::vector<std::string> entries = TRY(complete_entries(overlay));
  const SharedFd index = overlay.index;
  LayerShift shift = TRY(LayerShift::plan(overlay, std::move(fresh.stack)));
  TRY(check_links(overlay, shift));
  KeptFiles kept(overlay, fresh);
  for (const InodeRef& inode : shift.kept()) TRY(kept.copy(inode));
  shift.exchange();
  ScopeExit take_back([&shift] { shift.exchange(); });
  TRY(kept.move());
  for (const InodeRef& inode : shift.kept()) {
    Lock lock(inode->mutex);
    outdate_whole_copy(*inode);  // A completion may have looked at it before.
  }
  if (fresh.is_volatile) TRY(overlay.stack.workdir.mark_volatile());
  // Beyond this point nothing fails.
  kept.finish();
  take_back.dismiss();
  forget_index(overlay, shift.frozen(), index->fd, entries);
  return Frozen{.inodes = overlay.table.size(),
                .kept = kept.count(),
                .torn = kept.torn(),
                .copies = kept.take_copies(),
                .left = shift.finish()};
}

void settle(Overlay& overlay, const Frozen& frozen) {
  for (const auto& mode : frozen.left) drop_idle(overlay.idle_backings, *mode);
  for (const UniqueFd& copy : frozen.copies) {
    if (order_data(overlay, copy)) continue;
    log::error("the copy of an open file in the frozen layer could not be written to the disk");
  }
}

}  // namespace overpass::overlay
