// SPDX-License-Identifier: MIT
//
// Order: owner first, because changing it drops file capabilities and set-id bits; then extended
// attributes; then the mode, which an ACL would change; times last.

#include "overlay/copy_up/copy_up_metadata.h"

#include <sys/stat.h>

#include "layer/stat_override.h"
#include "overlay/copy_up/copy_up_owner.h"
#include "overlay/find/layer_stat.h"
#include "overlay/find/xattr_names.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/credentials.h"
#include "sys/inode_flags.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

/// Whether a copy may lack an attribute that cannot be set. Not if its lack would permit more.
/// Without capabilities a program can do less; an ordinary user cannot give them.
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

}  // namespace

Result<Likeness> copy_metadata(const Overlay& overlay, layer::LayerIndex layer, sys::Place from,
                               const sys::Stat& stat, sys::Place to, const UnionName& name) {
  if (upper_overrides(overlay)) {
    TRY(copy_xattrs(overlay, layer, from, to));
    TRY(layer::write_override(to, overlay.stack.upper().stat_override, stat));
    TRY(sys::copy_times(to, stat));
    return Likeness::Same;
  }
  const CopyOwner owner = TRY(copy_owner(overlay, from, stat, to, name));
  TRY(copy_xattrs(overlay, layer, from, to));
  if (!S_ISLNK(stat.stx_mode)) {
    const sys::KeepingSetgid keeping((owner.mode & S_ISGID) != 0);
    TRY(sys::change_mode(to, owner.mode));
  }
  TRY(sys::copy_times(to, stat));
  return owner.is_given ? Likeness::Same : Likeness::OtherOwnerOrMode;
}

Result<void> copy_flags(sys::Place from, BorrowedFd to) {
  const sys::InodeFlags flags = TRY(sys::inode_flags(from));
  return flags.sync || flags.no_atime ? sys::add_inode_flags(to, flags) : Result<void>();
}

}  // namespace overpass::overlay
