// SPDX-License-Identifier: MIT
//
// From what the layers hold to the inode that stands for it.

#include "overlay/lookup.h"

#include <linux/stat.h>

#include "layer/markers.h"
#include "overlay/attributes.h"
#include "overlay/links.h"
#include "overlay/overlay.h"

namespace overpass::overlay {

Result<Entry> enter(Overlay& overlay, const InodeRef& directory, const char* name, Found found) {
  if (found.data) found.stat.stx_blocks = found.data->blocks;
  const sys::Stat& stat = found.stat;
  const bool in_upper = found.layer == layer::kUpper;
  const bool is_directory = sys::is_directory(stat);
  const FileKey key = {sys::device_of(stat), stat.stx_ino};
  const bool has_more_links = in_upper && !is_directory && stat.stx_nlink > 1;
  if (has_more_links) {
    if (InodeRef known = overlay.table.find_by_key(key)) {
      add_link(overlay, known, directory, name);
      return Entry{known, shown(*known, stat)};
    }
  }
  const uint64_t number = overlay.numbers.number(found.origin.device, found.origin.ino);
  InodeRef inode = overlay.table.make(number, stat.stx_mode & S_IFMT);
  if (is_directory) {
    inode->directory = std::make_unique<Directory>();
    inode->directory->has_upper = in_upper;
    inode->directory->upper_ino = in_upper ? stat.stx_ino : 0;
    inode->directory->lowers = std::move(found.lowers);
  }
  {
    Lock lock(inode->mutex);
    if (!is_directory) inode->layer = found.layer;
    if (found.relocation) inode->rare().relocation = std::move(found.relocation);
    if (found.data) inode->rare().data = std::move(found.data);
  }
  if (!in_upper) {
    inode->lower_immutable = (stat.stx_attributes & STATX_ATTR_IMMUTABLE) != 0;
    inode->lower_append_only = (stat.stx_attributes & STATX_ATTR_APPEND) != 0;
  }
  if (has_more_links) {
    // Another of its names may have been entered at the same time.
    const InodeRef first = remember_key(overlay, inode, key);
    if (first.get() != inode.get()) {
      add_link(overlay, first, directory, name);
      return Entry{first, shown(*first, stat)};
    }
  }
  InodeRef entered = overlay.table.insert(std::move(inode), directory, name);
  return Entry{entered, shown(*entered, stat)};
}

Result<Entry> lookup(Overlay& overlay, const InodeRef& directory, const char* name) {
  if (!directory->is_directory()) return fail(ENOTDIR);
  if (layer::is_whiteout_name(name)) return fail(ENOENT);
  SharedLock lock(directory->directory->names);
  if (InodeRef known = overlay.table.find(*directory, name)) {
    auto entry = entry_of(overlay, known);
    if (entry) {
      freshen_link(*known, *directory, name);
      return entry;
    }
    if (!entry.failed_with(ENOENT) && !entry.failed_with(ESTALE)) return entry;
    // Its file went away behind our back; what the layers show now is the truth.
    forget_names(overlay, *known);
  }
  return enter(overlay, directory, name, TRY(find_in_layers(overlay, *directory, name)));
}

}  // namespace overpass::overlay
