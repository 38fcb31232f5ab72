// SPDX-License-Identifier: MIT
//
// A handle is made from the open file and used at once on a clone of that file's own mount, so that
// it can mean no other file: the file cannot go as long as it is open, and a mount's file system
// never changes. The numbers of file and mount are compared all the same.

#include "broker/client_mounts.h"

#include <fcntl.h>
#include <linux/magic.h>

#include <algorithm>

#include "sys/file_handle.h"
#include "sys/mount_api.h"
#include "sys/open.h"

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

namespace {

/// A client with layers on more mounts than this has clones made for the rest.
constexpr size_t kMostClones = 64;

}  // namespace

Result<void> ReadOnlyMounts::keep(BorrowedFd directory, const sys::Stat& stat) {
  const auto id = sys::unique_mount_id(stat);
  if (!id || own_files_.empty() || clones_.size() >= kMostClones || clone_of(stat) != nullptr) {
    return {};
  }
  const UniqueFd path = TRY(sys::clone_read_only(directory, sys::Submounts::Refuse));
  UniqueFd root = TRY(sys::reopen_by(own_files_, path, O_RDONLY | O_DIRECTORY));
  const sys::Stat own = TRY(sys::stat_without_asking(root));
  // Of no use without the right to look handles up, or where the file system has none.
  const auto handle = sys::file_handle(sys::place_of(root));
  if (!handle || !sys::open_by_handle(root, *handle)) return {};
  clones_.push_back({*id, sys::unique_mount_id(own).value_or(0), std::move(root)});
  return {};
}

Result<UniqueFd> ReadOnlyMounts::reach(BorrowedFd file, const sys::Stat& stat) const {
  if (const Clone* clone = clone_of(stat)) {
    if (auto reached = reach_by_handle(*clone, file, stat)) return reached;
  }
  return sys::clone_read_only(file);
}

const ReadOnlyMounts::Clone* ReadOnlyMounts::clone_of(const sys::Stat& stat) const {
  const auto id = sys::unique_mount_id(stat);
  const auto known =
      std::ranges::find_if(clones_, [&](const Clone& clone) { return clone.cloned_id == id; });
  return known == clones_.end() ? nullptr : &*known;
}

Result<UniqueFd> ReadOnlyMounts::reach_by_handle(const Clone& clone, BorrowedFd file,
                                                 const sys::Stat& stat) {
  const sys::FileHandle handle = TRY(sys::file_handle(sys::place_of(file)));
  UniqueFd path = TRY(sys::open_by_handle(clone.directory, handle));
  const sys::Stat reached = TRY(sys::stat_without_asking(path));
  const bool is_same = sys::device_of(reached) == sys::device_of(stat) &&
                       reached.stx_ino == stat.stx_ino && S_ISREG(reached.stx_mode);
  if (!is_same || sys::unique_mount_id(reached) != clone.own_id) return fail(ESTALE);
  return path;
}

}  // namespace overpass::broker
