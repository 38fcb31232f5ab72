// SPDX-License-Identifier: MIT
//
// In place, as overlayfs does: the file has names, links and an inode number already. Until the
// mark is gone the lower's bytes are the truth, so that a crash on the way loses nothing. Writing
// takes away what a write by anybody takes away (file capabilities, set-id bits) and touches the
// times; these are put back, since nobody has written yet.

#include "overlay/copy_up_data.h"

#include <fcntl.h>

#include <algorithm>

#include "overlay/content.h"
#include "overlay/locate.h"
#include "overlay/overlay.h"
#include "sys/attributes.h"
#include "sys/copy_data.h"
#include "sys/credentials.h"
#include "sys/file_io.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

constexpr char kCapability[] = "security.capability";

Result<UniqueFd> open_upper(Overlay& overlay, Inode& inode) {
  const Located located = TRY(locate(overlay, inode));
  return sys::open_place(located.place(), O_RDWR);
}

/// Gives `file` all bytes at `data`, which it shows already.
Result<void> fill(Overlay& overlay, const DataPlace& data, BorrowedFd file,
                  const sys::Stat& before) {
  const sys::KeepingSetgid keeping((before.stx_mode & (S_ISUID | S_ISGID)) != 0);
  const sys::Place place = sys::itself(file);
  const auto capability = sys::get_xattr(place, kCapability);
  if (!capability && !capability.failed_with(ENODATA) && !capability.failed_with(EOPNOTSUPP)) {
    return fail(capability.error());
  }
  const UniqueFd from = TRY(open_data(overlay, place, data, O_RDONLY));
  TRY(sys::copy_data(from, file, static_cast<off_t>(before.stx_size)));
  if (capability) TRY(sys::set_xattr(place, kCapability, *capability));
  return {};
}

}  // namespace

Result<void> complete_metacopy(Overlay& overlay, Inode& inode, const DataPlace& data) {
  const UniqueFd file = TRY(open_upper(overlay, inode));
  const sys::Place place = sys::itself(file);
  const sys::Stat before = TRY(sys::stat(place));
  if (before.stx_size > 0) {
    auto filled = fill(overlay, data, file, before);
    auto restored = sys::copy_times(place, before);
    TRY(std::move(filled));
    TRY(std::move(restored));
  }
  if (!overlay.settings.is_volatile) TRY(sys::sync_file(file));
  const char* mark = layer::name_of(layer::Mark::Metacopy, overlay.stack.prefix);
  return sys::remove_xattr(place, mark);
}

}  // namespace overpass::overlay
