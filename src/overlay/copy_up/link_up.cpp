// SPDX-License-Identifier: MIT

#include "overlay/copy_up/link_up.h"

#include "layer/mark_values.h"
#include "overlay/find/index.h"
#include "overlay/find/origin_number.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/names.h"
#include "sys/stat.h"

namespace overpass::overlay {

using layer::NlinkMark;

Result<void> link_up(Overlay& overlay, Inode& inode, Inode& directory, BorrowedFd upper,
                     const char* name) {
  Lock lock(inode.mutex);
  if (!inode.is_indexed()) return {};
  outdate_copy(inode);
  const sys::Place entry = index_place(overlay, inode.extras->index_name);
  const std::optional<uint32_t> lower_nlink = lower_nlink_of(overlay, entry);
  if (lower_nlink) count_new_names_locked(inode, *lower_nlink);
  const auto present = sys::stat({upper, name});
  if (!present.failed_with(ENOENT)) return present ? Result<void>() : fail(present.error());
  const sys::Stat stat = TRY(sys::stat(entry));
  const int32_t difference = inode.nlink_difference;
  const int32_t nlink = static_cast<int32_t>(stat.stx_nlink) + difference;
  // Relative to the lower, whose count the new link leaves alone.
  if (lower_nlink) {
    TRY(write_nlink(overlay, entry, NlinkMark::Base::Lower,
                    nlink - static_cast<int32_t>(*lower_nlink)));
  }
  TRY(mark_impure(overlay, directory, upper));
  TRY(sys::make_link(entry, upper, name));
  inode.nlink_difference = difference - 1;
  if (lower_nlink) return {};
  return write_nlink(overlay, entry, NlinkMark::Base::Upper, difference - 1);
}

}  // namespace overpass::overlay
