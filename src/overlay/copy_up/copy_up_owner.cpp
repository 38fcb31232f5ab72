// SPDX-License-Identifier: MIT
//
// An ACL says more of groups than the mode does, so a file that has one is not copied with another
// group.

#include "overlay/copy_up/copy_up_owner.h"

#include <sys/stat.h>

#include <string>

#include "base/log.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/credentials.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

/// False only if it is certain.
bool may_have_acl(sys::Place place, mode_t mode) {
  if (S_ISLNK(mode)) return false;
  for (const char* name : {"system.posix_acl_access", "system.posix_acl_default"}) {
    const auto value = sys::get_xattr(place, name);
    if (!value.failed_with(ENODATA) && !value.failed_with(EOPNOTSUPP)) return true;
  }
  return false;
}

/// For the log: one line for all files of the group.
void tell_of_group(gid_t wanted, gid_t given) {
  log::warn(
      "copies of files of group %u get group %u, and others and that group get no more permission "
      "than both had: this user is not in group %u (squash_to_gid=GID shows one group for all)",
      wanted, given, wanted);
}

/// What a copy that belongs to another user may have of the mode.
constexpr mode_t kWithoutSetIds = 01777;

void tell_of_refusal(const UnionName& name, const sys::Stat& stat, const sys::Stat& made) {
  const bool is_own = stat.stx_uid == made.stx_uid;
  const std::string reason =
      "cannot be copied up: this user may not give a copy to " +
      (is_own ? "group " + std::to_string(stat.stx_gid) + ", and the file has an ACL"
              : "owner " + std::to_string(stat.stx_uid)) +
      " (" + (is_own ? "squash_to_gid=GID" : "squash_to_uid=UID or squash_to_root") +
      " lets copies stay this user's)";
  warn_once(*name.parent, name.name.c_str(), reason.c_str());
}

}  // namespace

mode_t mode_with_another_group(mode_t mode) {
  const mode_t both = (mode >> 3) & mode & 07;
  return (mode & 01700) | both << 3 | both;
}

Result<CopyOwner> copy_owner(const Overlay& overlay, sys::Place from, const sys::Stat& stat,
                             sys::Place to, const UnionName& name) {
  const Owners& owners = overlay.settings.owners;
  const mode_t mode = stat.stx_mode & 07777;
  if (sys::is_unmapped(from, stat)) {
    if (!owners.is_squashed()) return fail(EOVERFLOW);
    return CopyOwner{mode & kWithoutSetIds, false};
  }
  const sys::Stat made = TRY(sys::stat(to));
  if (made.stx_uid == stat.stx_uid && made.stx_gid == stat.stx_gid) {
    return CopyOwner{mode, true};
  }
  auto given = sys::change_owner(to, stat.stx_uid, stat.stx_gid);
  if (given) return CopyOwner{mode, true};
  if (owners.may_stay(given)) return CopyOwner{mode & kWithoutSetIds, false};
  if (!given.failed_with(EPERM)) return fail(given.error());
  if (made.stx_uid == stat.stx_uid && !may_have_acl(from, stat.stx_mode)) {
    tell_of_group(stat.stx_gid, made.stx_gid);
    return CopyOwner{mode_with_another_group(mode), false};
  }
  tell_of_refusal(name, stat, made);
  return fail(EPERM);
}

}  // namespace overpass::overlay
