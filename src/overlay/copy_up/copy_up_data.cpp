// SPDX-License-Identifier: MIT
//
// In place, as overlayfs does: the file has names, links and an inode number already. Until the
// mark is gone the lower's bytes are the truth, so that a crash on the way loses nothing. Writing
// takes away file capabilities and set-id bits as any write does, and touches the times. These are
// put back, since no caller has written yet.

#include "overlay/copy_up/copy_up_data.h"

#include <fcntl.h>

#include <linux/falloc.h>

#include <optional>
#include <string>
#include <utility>

#include "overlay/copy_up/copy_up_verify.h"
#include "overlay/copy_up/prepare_copy.h"
#include "overlay/copy_up/torn_copy.h"
#include "overlay/find/content.h"
#include "overlay/find/locate.h"
#include "overlay/find/lower_changes.h"
#include "overlay/find/xattr_names.h"
#include "overlay/state/copy_up_progress.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/copy_data.h"
#include "sys/credentials.h"
#include "sys/file_io.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

Result<UniqueFd> open_upper(Overlay& overlay, Inode& inode) {
  const Located located = TRY(held(overlay, inode));
  return open_regular(located.place(), O_RDWR);
}

/// Makes `file` hold the bytes of `from`, on the disk unless the mount is volatile.
Result<void> write_bytes(Overlay& overlay, BorrowedFd from, BorrowedFd file, off_t size,
                         const UnionName& name, CopyUnderWay& progress) {
  progress.begin(size);
  TRY(sys::copy_data(from, file, size, &progress, afterwards_of(overlay.settings.is_volatile)));
  if (overlay.settings.verifies_copies) return verify_copy(from, file, size, name, progress);
  return {};
}

/// The privileges that a write takes from a file: its capabilities, and the set-id bits unless the
/// daemon has CAP_FSETID in the initial user namespace.
struct Privileges {
  std::optional<std::string> capability;
  mode_t mode;
};

Result<Privileges> privileges_of(sys::Place file, const sys::Stat& stat) {
  Privileges privileges{.capability = {}, .mode = static_cast<mode_t>(stat.stx_mode & 07777)};
  auto capability = sys::get_xattr(file, kCapability);
  if (capability) {
    privileges.capability = std::move(*capability);
  } else if (!capability.failed_with(ENODATA) && !capability.failed_with(EOPNOTSUPP)) {
    return fail(capability.error());
  }
  return privileges;
}

Result<void> give_back(const Inode& inode, sys::Place file, const Privileges& privileges,
                       const CopyUnderWay& progress) {
  if (privileges.capability) TRY(sys::set_xattr(file, kCapability, *privileges.capability));
  Lock lock(inode.mutex);
  if (progress.mode_has_changed()) return {};
  const sys::Stat stat = TRY(sys::stat(file));
  if ((stat.stx_mode & 07777) == privileges.mode) return {};
  return sys::change_mode(file, privileges.mode);
}

/// Gives `file` all bytes at `data`, which it shows already; false if these were changed meanwhile.
Result<bool> fill(Overlay& overlay, Inode& inode, const DataPlace& data, BorrowedFd file,
                  const sys::Stat& before, CopyUnderWay& progress) {
  const sys::KeepingSetgid keeping((before.stx_mode & (S_ISUID | S_ISGID)) != 0);
  const sys::Place place = sys::place_of(file);
  const Privileges privileges = TRY(privileges_of(place, before));
  const Content content = TRY(open_data(overlay, place, data, O_RDONLY));
  const BorrowedFd from = content.fd;
  const sys::Stat seen = TRY(sys::stat_anew(sys::place_of(from)));
  uint32_t version = data.version;
  if (TRY(compare_version(overlay, content.layer, seen, version))) {
    tell_of_change(overlay, inode, kWasWritten);
  }
  const auto size = static_cast<off_t>(before.stx_size);
  const auto written = write_bytes(overlay, from, file, size, union_name_of(inode), progress);
  const auto now = sys::stat_anew(sys::place_of(from));
  const bool is_whole = written && now && is_unchanged(seen, *now);
  if (!is_whole) {
    // They are never read, so they would only take space; best effort.
    (void)sys::allocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size);
  }
  auto given_back = give_back(inode, place, privileges, progress);
  // A source that has changed looks to a verification like a disk that lies.
  const bool is_changed = now && !is_unchanged(seen, *now);
  if (!written && !(is_changed && written.failed_with(EIO))) return fail(written.error());
  if (!now) return fail(now.error());
  TRY(given_back);
  return is_whole;
}

/// Puts back the times from before the writes, or those set meanwhile by a caller.
Result<void> give_back_times(const Inode& inode, sys::Place file, const sys::Stat& before,
                             const CopyUnderWay& progress) {
  const timespec access = {before.stx_atime.tv_sec, before.stx_atime.tv_nsec};
  const timespec modification = {before.stx_mtime.tv_sec, before.stx_mtime.tv_nsec};
  Lock lock(inode.mutex);
  return sys::change_times(file, progress.access_time().value_or(access),
                           progress.modification_time().value_or(modification));
}

}  // namespace

Result<void> complete_metacopy(Overlay& overlay, Inode& inode, const DataPlace& data,
                               CopyUnderWay& progress) {
  const UniqueFd file = TRY(open_upper(overlay, inode));
  const sys::Place place = sys::place_of(file);
  const sys::Stat before = TRY(sys::stat(place));
  if (before.stx_size > 0) {
    TRY(until_whole(inode, /*may_wait=*/true, [&]() -> Result<bool> {
      const auto filled = fill(overlay, inode, data, file, before, progress);
      TRY(give_back_times(inode, place, before, progress));
      return filled;
    }));
  }
  progress.enter(CopyPhase::Syncing);
  TRY(order_data(overlay, file));
  const char* mark = layer::name_of(layer::Mark::Metacopy, overlay.stack.prefix);
  return sys::remove_xattr(place, mark);
}

}  // namespace overpass::overlay
