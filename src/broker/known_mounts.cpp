// SPDX-License-Identifier: MIT

#include "broker/known_mounts.h"

#include <linux/magic.h>

#include <algorithm>

namespace overpass::broker {

namespace {

/// Files of further mounts are asked one by one.
constexpr size_t kMostMounts = 64;

}  // namespace

KnownMounts::Files KnownMounts::files_like(const sys::Stat& stat) const {
  const auto id = sys::unique_mount_id(stat);
  if (!id) return Files::Unknown;
  const auto known = std::find_if(mounts_.begin(), mounts_.end(),
                                  [&](const Mount& mount) { return mount.id == *id; });
  return known == mounts_.end() ? Files::Unknown : known->files;
}

void KnownMounts::note_served(const sys::Stat& stat, uint64_t file_system) {
  const auto id = sys::unique_mount_id(stat);
  if (!id || mounts_.size() >= kMostMounts || files_like(stat) != Files::Unknown) return;
  const bool is_in_memory = file_system == TMPFS_MAGIC || file_system == RAMFS_MAGIC;
  mounts_.push_back({*id, is_in_memory ? Files::InMemory : Files::OnDisk});
}

}  // namespace overpass::broker
