// SPDX-License-Identifier: MIT
//
// In place, as overlayfs does: the file has names, links and an inode number already. Until the
// mark is gone the lower's bytes are the truth, so that a crash on the way loses nothing. Writing
// takes away what a write by anybody takes away (file capabilities, set-id bits) and touches the
// times; these are put back, since nobody has written yet.

#include "overlay/copy_up_data.h"

#include <fcntl.h>

#include <linux/falloc.h>

#include "overlay/content.h"
#include "overlay/copy_up_progress.h"
#include "overlay/copy_up_verify.h"
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

/// Where the union shows it.
UnionName name_of(Inode& inode) {
  Lock lock(inode.mutex);
  return {inode.link.parent, inode.link.name};
}

/// Makes `file` hold the bytes of `from`, on the disk unless the mount is volatile.
Result<void> write_bytes(Overlay& overlay, BorrowedFd from, BorrowedFd file, off_t size,
                         const UnionName& name, CopyUnderWay& progress) {
  progress.begin(size);
  TRY(sys::copy_data(from, file, size, &progress, afterwards_of(overlay.settings.is_volatile)));
  if (overlay.settings.verifies_copies) return verify_copy(from, file, size, name, progress);
  return {};
}

/// Gives `file` all bytes at `data`, which it shows already.
Result<void> fill(Overlay& overlay, Inode& inode, const DataPlace& data, BorrowedFd file,
                  const sys::Stat& before, CopyUnderWay& progress) {
  const sys::KeepingSetgid keeping((before.stx_mode & (S_ISUID | S_ISGID)) != 0);
  const sys::Place place = sys::itself(file);
  const auto capability = sys::get_xattr(place, kCapability);
  if (!capability && !capability.failed_with(ENODATA) && !capability.failed_with(EOPNOTSUPP)) {
    return fail(capability.error());
  }
  const UniqueFd from = TRY(open_data(overlay, place, data, O_RDONLY));
  const auto size = static_cast<off_t>(before.stx_size);
  auto written = write_bytes(overlay, from, file, size, name_of(inode), progress);
  if (!written) {
    // Nobody reads them, so they would only take space; best effort.
    (void)sys::allocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size);
    return written;
  }
  if (capability) TRY(sys::set_xattr(place, kCapability, *capability));
  return {};
}

}  // namespace

Result<void> complete_metacopy(Overlay& overlay, Inode& inode, const DataPlace& data,
                               CopyUnderWay& progress) {
  const UniqueFd file = TRY(open_upper(overlay, inode));
  const sys::Place place = sys::itself(file);
  const sys::Stat before = TRY(sys::stat(place));
  if (before.stx_size > 0) {
    auto filled = fill(overlay, inode, data, file, before, progress);
    auto restored = sys::copy_times(place, before);
    TRY(std::move(filled));
    TRY(std::move(restored));
  }
  progress.enter(CopyPhase::Syncing);
  if (!overlay.settings.is_volatile) TRY(sys::sync_file(file));
  const char* mark = layer::name_of(layer::Mark::Metacopy, overlay.stack.prefix);
  return sys::remove_xattr(place, mark);
}

}  // namespace overpass::overlay
