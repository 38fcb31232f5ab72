// SPDX-License-Identifier: MIT
//
// Order: owner first, because changing it drops file capabilities and set-id bits; then extended
// attributes; then the mode, which an ACL would change; times last.

#include "overlay/copy_up_metadata.h"

#include <sys/stat.h>

#include "layer/stat_override.h"
#include "overlay/layer_stat.h"
#include "overlay/overlay.h"
#include "overlay/xattr_names.h"
#include "sys/attributes.h"
#include "sys/credentials.h"
#include "sys/inode_flags.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

/// Whether a copy may be without an attribute that cannot be set. Not if somebody might do more
/// with it then. Without capabilities a program can do less; an ordinary user cannot give them.
bool may_be_lost(std::string_view name, Errno error) {
  const bool is_unsupported = error == Errno{EOPNOTSUPP};
  if (name == kCapability) return is_unsupported || error == Errno{EPERM};
  return is_unsupported && !name.starts_with("security.") && !name.starts_with("system.posix_acl_");
}

/// The attributes that the union shows of `from`, a file of `layer`.
Result<void> copy_xattrs(const Overlay& overlay, layer::LayerIndex layer, sys::Place from,
                         sys::Place to) {
  auto names = sys::list_xattrs(from);
  if (names.failed_with(EOPNOTSUPP)) return {};
  for (const std::string& name : TRY(std::move(names))) {
    const auto shown = shown_name(overlay, layer, name);
    if (!shown) continue;
    auto value = sys::get_xattr(from, name.c_str());
    if (value.failed_with(ENODATA)) continue;  // Listed, but not ours to read.
    const std::string stored = stored_name(overlay, layer::kUpper, *shown);
    auto copied = sys::set_xattr(to, stored.c_str(), TRY(std::move(value)));
    if (!copied && !may_be_lost(name, copied.error())) return copied;
  }
  return {};
}

/// Gives the file at `to` away. What stays with the daemon after all must not run as the daemon:
/// the permissions that it may have.
Result<mode_t> copy_owner(const Overlay& overlay, sys::Place from, const sys::Stat& stat,
                          sys::Place to) {
  const Owners& owners = overlay.settings.owners;
  const mode_t mode = stat.stx_mode & 07777;
  if (sys::is_unmapped(from, stat)) {
    return owners.is_squashed() ? Result<mode_t>(mode & 0777) : fail(EOVERFLOW);
  }
  const sys::Stat made = TRY(sys::stat(to));
  if (made.stx_uid == stat.stx_uid && made.stx_gid == stat.stx_gid) return mode;
  auto given = sys::change_owner(to, stat.stx_uid, stat.stx_gid);
  if (given) return mode;
  return owners.may_stay(given) ? Result<mode_t>(mode & 0777) : fail(given.error());
}

}  // namespace

Result<void> copy_metadata(const Overlay& overlay, layer::LayerIndex layer, sys::Place from,
                           const sys::Stat& stat, sys::Place to) {
  if (upper_overrides(overlay)) {
    TRY(copy_xattrs(overlay, layer, from, to));
    TRY(layer::write_override(to, overlay.stack.upper().stat_override, stat));
    return sys::copy_times(to, stat);
  }
  const mode_t mode = TRY(copy_owner(overlay, from, stat, to));
  TRY(copy_xattrs(overlay, layer, from, to));
  if (!S_ISLNK(stat.stx_mode)) {
    const sys::KeepingSetgid keeping((mode & S_ISGID) != 0);
    TRY(sys::change_mode(to, mode));
  }
  return sys::copy_times(to, stat);
}

Result<void> copy_flags(sys::Place from, BorrowedFd to) {
  const sys::InodeFlags flags = TRY(sys::inode_flags(from));
  return flags.sync || flags.no_atime ? sys::add_inode_flags(to, flags) : Result<void>();
}

}  // namespace overpass::overlay
