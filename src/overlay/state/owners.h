// SPDX-License-Identifier: MIT
//
// Owners on disk and owners as the mount shows them: uidmapping=, gidmapping=, squash_to_*.
// Requests carry ids of the mount; the layers have those of the disk.

#ifndef OVERPASS_OVERLAY_STATE_OWNERS_H_
#define OVERPASS_OVERLAY_STATE_OWNERS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/id_map.h"
#include "base/result.h"
#include "sys/stat.h"

namespace overpass::overlay {

/// Constant after the mount.
struct Owners {
  IdMap users;
  IdMap groups;
  std::optional<uid_t> squash_user;   ///< All files show this owner.
  std::optional<gid_t> squash_group;  ///< All files show this group.

  /// Puts the owner that is shown in the place of that on disk.
  void show(sys::Stat& stat) const;

  /// The id on disk of what is made by `shown`: IdMap::kOverflow where it has none, as with
  /// fuse-overlayfs. Container engines make files outside of the container's map.
  uid_t maker_on_disk(uid_t shown) const { return users.on_disk(shown).value_or(IdMap::kOverflow); }
  gid_t group_of_maker_on_disk(gid_t shown) const {
    return groups.on_disk(shown).value_or(IdMap::kOverflow);
  }

  /// On-disk id for a new owner; EOVERFLOW if the mapping has none, as on an idmapped mount
  /// (mount_setattr(2)).
  Result<uid_t> user_on_disk(uid_t shown) const;
  Result<gid_t> group_on_disk(gid_t shown) const;

  /// The value of an ACL attribute with the other side's ids in it. One that is no ACL is given
  /// back as it is, for the file system to refuse.
  std::string acl_shown(std::string_view on_disk) const;
  Result<std::string> acl_on_disk(std::string_view shown) const;

  bool has_maps() const { return !users.is_identity() || !groups.is_identity(); }
  bool is_squashed() const { return squash_user || squash_group; }

  /// Whether a file may keep its owner on disk although it was to get another: where all show the
  /// same owner, and the daemon may not give it away (`changed` failed for that).
  bool may_stay(const Result<void>& changed) const {
    return is_squashed() && (changed.failed_with(EPERM) || changed.failed_with(EINVAL));
  }
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_OWNERS_H_
