// SPDX-License-Identifier: MIT

#include "overlay/find/attributes.h"

#include <sys/stat.h>

#include "overlay/find/copied_attributes.h"
#include "overlay/find/layer_stat.h"
#include "overlay/find/locate.h"
#include "overlay/find/lower_changes.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/identity.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

Result<sys::Stat> attributes_of_located(const Overlay& overlay, Inode& inode,
                                        const Located& located) NO_THREAD_SAFETY_ANALYSIS {
  std::optional<Look> look;
  if (inode.is_regular()) look.emplace(inode);
  const sys::Stat found = TRY(stat_with_kept_mode(located.place()));
  if (!inode.is_directory()) {
    const bool is_by_name = !located.place().is_fd();
    if (is_by_name) {
      TRY(check_recognized(overlay, inode, located.layer(), found, /*allows_restriction=*/true));
    }
    overlay.table.know(inode, known_object(found));
    if (follows(overlay) && !located.in_upper()) inode.lower_version = version_of(found);
  }
  if (look) look->keep(found);
  sys::Stat stat = TRY(with_override(overlay, located.layer(), located.place(), found));
  if (!inode.is_directory() && inode.data_place() != nullptr) {
    stat.stx_blocks = inode.data_place()->blocks;
  }
  return shown(overlay, inode, stat);
}

sys::Stat shown(const Overlay& overlay, const Inode& inode, sys::Stat stat) {
  stat.stx_ino = inode.ino;
  overlay.settings.owners.show(stat);
  if (inode.is_directory()) {
    if (const mode_t kept = inode.directory->kept_mode) stat.stx_mode = static_cast<uint16_t>(kept);
  }
  if (const int32_t difference = inode.nlink_difference) stat.stx_nlink += difference;
  if (inode.is_directory()) {
    const bool is_merged = inode.directory->layer_count() > 1;
    if (is_merged || overlay.settings.static_nlink) stat.stx_nlink = 1;
  }
  return stat;
}

bool may_cache_attributes(const Inode& inode, const sys::Stat& stat) {
  // A passed-through write without privilege drops set-id bits, and the FUSE layer of the kernel
  // does not notice: the mode that it keeps must not outlive a check.
  const bool is_set_id = S_ISREG(stat.stx_mode) && (stat.stx_mode & (S_ISUID | S_ISGID)) != 0;
  return !is_set_id && !inode.superseded && !inode.has_predecessor && !inode.may_be_mapped;
}

namespace {

/// The attributes without a system call; nothing if the disk has to be asked. REQUIRES: the inode's
/// mutex is held, if it is a regular file.
std::optional<sys::Stat> from_copy(const Overlay& overlay,
                                   const Inode& inode) NO_THREAD_SAFETY_ANALYSIS {
  if (!inode.is_regular()) return {};
  const auto settled = settled_attributes(inode);
  return settled ? std::optional(shown(overlay, inode, *settled)) : std::nullopt;
}

}  // namespace

Result<sys::Stat> attributes(Overlay& overlay, const InodeRef& inode) {
  InodeRef target = current(inode);
  if (target->is_regular()) {
    Lock lock(target->mutex);
    if (const auto settled = from_copy(overlay, *target)) return *settled;
  }
  const Located located = TRY(current_located(overlay, target, locate));
  // By now it may be, and the next change may be under way: of that the disk says too much.
  if (const auto settled = from_copy(overlay, *target)) return *settled;
  return attributes_of_located(overlay, *target, located);
}

Result<Entry> entry_of(Overlay& overlay, const InodeRef& inode) {
  const sys::Stat stat = TRY(attributes(overlay, inode));
  return Entry{inode, stat};
}

}  // namespace overpass::overlay
