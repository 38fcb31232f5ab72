// SPDX-License-Identifier: MIT
//
// Checks before a change of a name in the upper.

#include "overlay/change/upper_names.h"

#include <fcntl.h>

#include "layer/markers.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/find/locate.h"
#include "overlay/find/lookup.h"
#include "overlay/find/protection.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/hidden_names.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

bool in_upper(const Inode& inode) {
  if (inode.is_directory()) return inode.directory->has_upper;
  Lock lock(inode.mutex);
  return inode.layer == layer::kUpper;
}

}  // namespace

Result<void> check_changeable(const Overlay& overlay, const Inode& directory, bool removing) {
  if (!directory.is_directory()) return fail(ENOTDIR);
  if (!overlay.is_writable()) return fail(EROFS);
  return check_protection(overlay, directory, /*appending=*/!removing);
}

Result<SharedFd> upper_for_change(Overlay& overlay, const InodeRef& directory, bool removing) {
  TRY(check_changeable(overlay, *directory, removing));
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

Result<void> check_upper(const Overlay& overlay, Inode& inode, sys::Place place) {
  const auto stat = stat_with_kept_mode(place);
  if (!stat) return fail(stat.failed_with(ENOENT) ? ESTALE : to_int(stat.error()));
  if (!inode.is_directory()) {
    Lock lock(inode.mutex);
    return check_recognized(overlay, inode, layer::kUpper, *stat);
  }
  if (identity_of(*stat) == inode.directory->upper_identity()) return {};
  inode.is_stale = true;
  return fail(ESTALE);
}

Result<SharedFd> orphan_of(const Overlay& overlay, Inode& inode, BorrowedFd upper,
                           const char* name) {
  if (!in_upper(inode)) return SharedFd();
  auto file = sys::open_at(upper, name, O_PATH);
  if (!file) return fail(file.failed_with(ENOENT) ? ESTALE : to_int(file.error()));
  TRY(check_upper(overlay, inode, sys::place_of(*file)));
  if (may_be_open(inode)) overlay.mount.keep_file(inode.id, *file);
  return SharedFd(std::make_shared<CachedFd>(std::move(*file)));
}

Result<bool> needs_opaque(Overlay& overlay, Inode& directory, const char* name) {
  if (directory.directory->lowers.empty()) return false;
  return lowers_show(overlay, directory, name);
}

}  // namespace overpass::overlay
