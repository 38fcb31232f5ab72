// SPDX-License-Identifier: MIT
//
// A handle is made from the open file and used at once on a clone of that file's own mount, so that
// it can mean no other file: the file cannot go as long as it is open, and a mount's file system
// never changes. The numbers of file and mount are compared all the same.

#include "broker/read_only_mounts.h"

#include <fcntl.h>

#include <algorithm>

#include "sys/file_handle.h"
#include "sys/mount_api.h"
#include "sys/open.h"

namespace overpass::broker {

namespace {

/// A client with layers on more mounts than this has clones made for the rest.
constexpr size_t kMostClones = 64;

}  // namespace

Result<UniqueFd> ReadOnlyMounts::reach(BorrowedFd file, const sys::Stat& stat) {
  const auto id = sys::unique_mount_id(stat);
  const auto known = std::find_if(clones_.begin(), clones_.end(),
                                  [&](const Clone& clone) { return clone.cloned_id == id; });
  if (known != clones_.end()) {
    if (auto reached = reach_by_handle(*known, file, stat)) return reached;
  }
  UniqueFd path = TRY(sys::clone_read_only(file));
  if (id && known == clones_.end()) keep(*id, path);
  return path;
}

Result<UniqueFd> ReadOnlyMounts::reach_by_handle(const Clone& clone, BorrowedFd file,
                                                 const sys::Stat& stat) {
  if (clone.file.empty()) return fail(EOPNOTSUPP);
  const sys::FileHandle handle = TRY(sys::file_handle(sys::itself(file)));
  UniqueFd path = TRY(sys::open_by_handle(clone.file, handle));
  const sys::Stat reached = TRY(sys::stat_without_asking(path));
  const bool is_same = sys::device_of(reached) == sys::device_of(stat) &&
                       reached.stx_ino == stat.stx_ino && S_ISREG(reached.stx_mode);
  if (!is_same || sys::unique_mount_id(reached) != clone.own_id) return fail(ESTALE);
  return path;
}

void ReadOnlyMounts::keep(uint64_t cloned_id, BorrowedFd path) {
  if (own_files_.empty() || clones_.size() >= kMostClones) return;
  Clone clone = {cloned_id, 0, {}};
  // Handles are not looked up on O_PATH descriptors. Not to wait for the holder of a lease.
  if (auto opened = sys::reopen_by(own_files_, path, O_RDONLY | O_NONBLOCK)) {
    const auto stat = sys::stat_without_asking(*opened);
    clone.own_id = stat ? sys::unique_mount_id(*stat).value_or(0) : 0;
    clone.file = std::move(*opened);
    if (!stat || !reach_by_handle(clone, path, *stat)) clone.file.reset();
  }
  clones_.push_back(std::move(clone));
}

}  // namespace overpass::broker
