// SPDX-License-Identifier: MIT
//
// Order: owner first, because changing it drops file capabilities and set-id bits; then extended
// attributes; then the mode, which an ACL would change; times last.

#include "overlay/copy_up_metadata.h"

#include <sys/stat.h>

#include "sys/attributes.h"
#include "sys/credentials.h"
#include "sys/inode_flags.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

/// Attributes whose loss changes who may do what.
bool is_essential(std::string_view name) {
  return name.starts_with("security.") || name.starts_with("system.posix_acl_");
}

Result<void> copy_xattrs(sys::Place from, sys::Place to, layer::Prefix prefix) {
  auto names = sys::list_xattrs(from);
  if (names.failed_with(EOPNOTSUPP)) return {};
  for (const std::string& name : TRY(std::move(names))) {
    if (!layer::shown_xattr_name(name, prefix)) continue;
    auto value = sys::get_xattr(from, name.c_str());
    if (value.failed_with(ENODATA)) continue;  // Listed, but not ours to read.
    auto copied = sys::set_xattr(to, name.c_str(), TRY(std::move(value)));
    if (copied || (copied.failed_with(EOPNOTSUPP) && !is_essential(name))) continue;
    return copied;
  }
  return {};
}

}  // namespace

Result<void> copy_metadata(sys::Place from, const sys::Stat& stat, sys::Place to,
                           layer::Prefix prefix) {
  if (sys::is_unmapped(from, stat)) return fail(EOVERFLOW);
  const sys::Stat made = TRY(sys::stat(to));
  if (made.stx_uid != stat.stx_uid || made.stx_gid != stat.stx_gid) {
    TRY(sys::change_owner(to, stat.stx_uid, stat.stx_gid));
  }
  TRY(copy_xattrs(from, to, prefix));
  if (!S_ISLNK(stat.stx_mode)) {
    const sys::KeepingSetgid keeping((stat.stx_mode & S_ISGID) != 0);
    TRY(sys::change_mode(to, stat.stx_mode & 07777));
  }
  return sys::copy_times(to, stat);
}

Result<void> copy_flags(sys::Place from, BorrowedFd to) {
  const sys::InodeFlags flags = TRY(sys::inode_flags(from));
  return flags.sync || flags.no_atime ? sys::add_inode_flags(to, flags) : Result<void>();
}

}  // namespace overpass::overlay
