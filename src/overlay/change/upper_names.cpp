// SPDX-License-Identifier: MIT
//
// Checks before a change of a name in the upper.

#include "overlay/change/upper_names.h"

#include "layer/markers.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/find/locate.h"
#include "overlay/find/lookup.h"
#include "overlay/find/protection.h"
#include "overlay/state/hidden_names.h"
#include "overlay/state/overlay.h"
#include "sys/stat.h"

namespace overpass::overlay {

Result<SharedFd> upper_for_change(Overlay& overlay, const InodeRef& directory, bool removing) {
  if (!directory->is_directory()) return fail(ENOTDIR);
  if (!overlay.is_writable()) return fail(EROFS);
  TRY(check_protection(*directory, /*appending=*/!removing));
  TRY(copy_up_directory(overlay, directory));
  return directory_fd(overlay, *directory, layer::kUpper);
}

Result<void> check_new_name(const Inode& directory, const char* name) {
  if (layer::is_whiteout_name(name)) return fail(EPERM);
  if (directory.is_directory() && is_hidden_name(*directory.directory, name)) return fail(EPERM);
  return {};
}

Result<bool> hides_in_upper(const Overlay& overlay, sys::Place place, const sys::Stat& stat) {
  return layer::hides(place, stat, overlay.stack.prefix, overlay.stack.upper().foreign_marks);
}

Result<SlotState> slot_state(const Overlay& overlay, BorrowedFd upper, const char* name) {
  auto stat = sys::stat({upper, name});
  if (stat.failed_with(ENOENT)) return SlotState::Free;
  if (!TRY(hides_in_upper(overlay, {upper, name}, TRY(std::move(stat))))) return fail(EEXIST);
  return SlotState::Whiteout;
}

Result<bool> needs_opaque(Overlay& overlay, Inode& directory, const char* name) {
  if (directory.directory->lowers.empty()) return false;
  return lowers_show(overlay, directory, name);
}

}  // namespace overpass::overlay
