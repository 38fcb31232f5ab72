// SPDX-License-Identifier: MIT

#include "overlay/find/lower_changes.h"

#include <sys/stat.h>

#include "base/hash.h"
#include "overlay/find/locate.h"
#include "overlay/find/warn_once.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

bool is_in_lower(const Inode& inode) {
  if (inode.is_directory()) return !inode.directory->has_upper;
  Lock lock(inode.mutex);
  return inode.layer != layer::kUpper;
}

bool follows(const Overlay& overlay) {
  return overlay.settings.lower_changes == LowerChanges::Follow;
}

Result<bool> compare_version(const Overlay& overlay, layer::LayerIndex layer, const sys::Stat& stat,
                             uint32_t& known) {
  if (layer == layer::kUpper || !S_ISREG(stat.stx_mode)) return false;
  const uint32_t now = version_of(stat);
  const bool has_changed = known != 0 && known != now;
  if (has_changed && overlay.settings.lower_changes == LowerChanges::Refuse) return fail(ESTALE);
  known = now;
  return has_changed;
}

void tell_of_change(const Overlay& overlay, Inode& inode, const char* what) {
  if (follows(overlay)) return;
  const UnionName name = union_name_of(inode);
  if (name.parent) warn_once(*name.parent, name.name.c_str(), what);
}

Result<void> look_before_open(Overlay& overlay, Inode& inode) {
  if (overlay.settings.lower_changes == LowerChanges::Warn || !is_in_lower(inode)) return {};
  bool has_changed = false;
  {
    const Located located = TRY(locate(overlay, inode));
    const auto look = [&]() NO_THREAD_SAFETY_ANALYSIS -> Result<void> {
      if (located.in_upper()) return {};
      const auto stat = sys::stat(located.place());
      if (stat.failed_with(ENOENT)) inode.is_stale = true;
      if (!stat) return fail(stat.failed_with(ENOENT) ? ESTALE : to_int(stat.error()));
      TRY(check_recognized(overlay, inode, located.layer(), *stat));
      has_changed = TRY(compare_version(overlay, located.layer(), *stat, inode.lower_version));
      return {};
    };
    TRY(look());
  }
  if (has_changed) overlay.mount.attributes_changed(inode.id);
  return {};
}

Result<uint32_t> listing_version(Overlay& overlay, Inode& directory) {
  uint64_t hash = 0;
  for (const layer::LayerIndex layer : directory.directory->lowers) {
    const SharedFd fd = TRY(directory_fd(overlay, directory, layer));
    const sys::Stat stat = TRY(sys::stat(sys::place_of(fd->fd)));
    const uint64_t parts[] = {hash, identity_of(stat).ino, version_of(stat)};
    hash = hash_bytes({reinterpret_cast<const char*>(parts), sizeof parts});
  }
  return static_cast<uint32_t>(hash) | 1;
}

bool look_at_listing(Overlay& overlay, Inode& directory) {
  if (!follows(overlay) || directory.directory->lowers.empty()) return false;
  // A directory that cannot be looked at is found to be stale elsewhere.
  const auto version = listing_version(overlay, directory);
  if (!version) return false;
  // Each listing is preceded by a look, so the kernel has none before the first.
  const uint32_t before = directory.directory->lower_version.exchange(*version);
  return before != 0 && before != *version;
}

}  // namespace overpass::overlay
