// SPDX-License-Identifier: MIT

#include "overlay/change/indexed_links.h"

#include "layer/mark_values.h"
#include "overlay/find/index.h"
#include "overlay/find/lookup.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/names.h"
#include "sys/stat.h"

namespace overpass::overlay {

using layer::NlinkMark;

Result<InodeRef> shared_lower_at(Overlay& overlay, const InodeRef& directory, const char* name) {
  if (!has_index(overlay)) return InodeRef();
  InodeRef inode;
  {
    SharedLock names(directory->directory->names);
    inode = TRY(inode_of(overlay, directory, name));
  }
  if (inode->is_directory()) return InodeRef();
  Lock lock(inode->mutex);
  const bool is_shared = inode->extras != nullptr && inode->extras->lower_key != FileKey();
  return inode->layer != layer::kUpper && is_shared ? inode : InodeRef();
}

Result<void> begin_new_link(Overlay& overlay, Inode& inode) {
  outdate_copy(inode);
  if (!inode.is_indexed()) return {};
  return write_nlink(overlay, index_place(overlay, inode.extras->index_name),
                     NlinkMark::Base::Upper, inode.nlink_difference);
}

Result<void> begin_removal(Overlay& overlay, Inode& inode) {
  outdate_copy(inode);
  if (!inode.is_indexed()) return {};
  const sys::Place entry = index_place(overlay, inode.extras->index_name);
  const auto after = static_cast<int32_t>(TRY(sys::stat(entry)).stx_nlink) - 1;
  const int32_t in_upper = after - 1;  // Without the entry itself.
  const auto known = static_cast<int32_t>(inode.extras->more_links.size());
  const int32_t left = std::max(in_upper, known);
  if (after + inode.nlink_difference < left) inode.nlink_difference = left - after;
  return write_nlink(overlay, entry, NlinkMark::Base::Upper, inode.nlink_difference);
}

void drop_index_of_last(Overlay& overlay, Inode& inode) {
  if (!inode.is_indexed()) return;
  const std::string& name = inode.extras->index_name;
  const auto stat = sys::stat(index_place(overlay, name));
  if (!stat || static_cast<int32_t>(stat->stx_nlink) + inode.nlink_difference > 0) return;
  // A leftover is removed at the next mount.
  (void)sys::remove_file(overlay.index->fd, name.c_str());
  inode.extras->index_name.clear();
  inode.nlink_difference = 0;
}

}  // namespace overpass::overlay
