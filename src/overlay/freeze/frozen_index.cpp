// SPDX-License-Identifier: MIT

#include "overlay/freeze/frozen_index.h"

#include <utility>

#include "base/log.h"
#include "layer/mark_values.h"
#include "layer/markers.h"
#include "overlay/find/index.h"
#include "overlay/state/overlay.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

/// Whether all names of the file are in the upper, beside the entry itself.
Result<bool> is_complete(Overlay& overlay, const std::string& name) {
  const sys::Place place = index_place(overlay, name);
  const sys::Stat stat = TRY(sys::stat(place));
  if (sys::is_directory(stat) || layer::is_whiteout(stat)) return false;
  const auto value =
      sys::get_xattr(place, layer::name_of(layer::Mark::Nlink, overlay.stack.prefix));
  const auto mark = value ? layer::decode_nlink(*value) : std::nullopt;
  if (!mark) return false;
  std::optional<uint32_t> lower_nlink = 0;
  if (mark->base == layer::NlinkMark::Base::Lower) lower_nlink = lower_nlink_of(overlay, place);
  if (!lower_nlink) return false;
  const auto shown = layer::union_nlink(*mark, stat.stx_nlink, *lower_nlink);
  return shown && *shown + 1 == stat.stx_nlink;
}

}  // namespace

Result<std::vector<std::string>> complete_entries(Overlay& overlay) {
  std::vector<std::string> entries;
  const UniqueFd index = TRY(sys::open_for_listing(overlay.index->fd));
  TRY(sys::for_each_entry(index, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    entries.emplace_back(entry.name);
    return {};
  }));
  for (const std::string& name : entries) {
    if (TRY(is_complete(overlay, name))) continue;
    log::warn(
        "the upper is not frozen: a lower's file was changed that has names which the upper has "
        "not (index entry '%s')",
        name.c_str());
    return fail(EOPNOTSUPP);
  }
  return entries;
}

void forget_index(Overlay& overlay, std::span<const InodeRef> frozen, BorrowedFd index,
                  std::span<const std::string> entries) NO_THREAD_SAFETY_ANALYSIS {
  for (const InodeRef& inode : frozen) {
    if (inode->extras == nullptr) continue;
    InodeExtras& extras = *inode->extras;
    if (inode->is_indexed()) {
      extras.index_name.clear();
      extras.lower_nlink = 0;
      inode->nlink_difference = 0;
      const FileKey former = std::exchange(extras.lower_key, FileKey());
      if (former != FileKey()) overlay.table.unindex_key(*inode, former);
    }
    // It is entered by the same numbers, which are a lower's now.
    if (extras.upper_key != FileKey())
      extras.lower_key = std::exchange(extras.upper_key, FileKey());
  }
  for (const std::string& entry : entries) {
    if (sys::remove_file(index, entry.c_str())) continue;
    log::warn("the former index keeps '%s': a frozen file shows one link too many", entry.c_str());
  }
}

}  // namespace overpass::overlay
