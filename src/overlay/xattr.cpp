// SPDX-License-Identifier: MIT
//
// Names are translated at this border and nowhere else.

#include "overlay/xattr.h"

#include <optional>

#include "layer/markers.h"
#include "overlay/copy_up.h"
#include "overlay/locate.h"
#include "overlay/overlay.h"
#include "overlay/owner_access.h"
#include "sys/credentials.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

bool is_acl(std::string_view name) { return name.starts_with("system.posix_acl_"); }

}  // namespace

Result<size_t> get_xattr(Overlay& overlay, const InodeRef& inode, const char* name,
                         std::span<char> value) {
  const std::string stored = layer::stored_xattr_name(name, overlay.stack.prefix);
  if (!layer::shown_xattr_name(stored, overlay.stack.prefix)) return fail(ENODATA);
  const InodeRef target = current(inode);
  const Located located = TRY(locate(overlay, *target));
  auto length = sys::get_xattr(located.place(), stored.c_str(), value);
  // Where a layer's file system knows no ACLs (squashfs), there is none: any other errno would be
  // the answer to the permission check of whoever is not the owner.
  if (length.failed_with(EOPNOTSUPP) && is_acl(stored)) return fail(ENODATA);
  return length;
}

Result<std::string> list_xattrs(Overlay& overlay, const InodeRef& inode, bool privileged) {
  std::string names;
  const InodeRef target = current(inode);
  const Located located = TRY(locate(overlay, *target));
  for (const std::string& stored : TRY(sys::list_xattrs(located.place()))) {
    if (!privileged && stored.starts_with("trusted.")) continue;
    if (auto name = layer::shown_xattr_name(stored, overlay.stack.prefix)) {
      names.append(name->c_str(), name->size() + 1);
    }
  }
  return names;
}

Result<void> set_xattr(Overlay& overlay, const InodeRef& inode, const char* name,
                       std::string_view value, int flags, bool keeps_setgid) {
  const std::string stored = layer::stored_xattr_name(name, overlay.stack.prefix);
  if (!layer::shown_xattr_name(stored, overlay.stack.prefix)) return fail(EPERM);
  TRY(copy_up_metadata(overlay, current(inode)));
  const InodeRef target = current(inode);
  std::optional<ModeChange> mode_change;
  if (stored == "system.posix_acl_access" && target->is_directory()) mode_change.emplace(*target);
  const Located located = TRY(locate(overlay, *target));
  const sys::KeepingSetgid keeping(keeps_setgid);
  return sys::set_xattr(located.place(), stored.c_str(), value, flags);
}

Result<void> remove_xattr(Overlay& overlay, const InodeRef& inode, const char* name) {
  if (!overlay.is_writable()) return fail(EROFS);
  const std::string stored = layer::stored_xattr_name(name, overlay.stack.prefix);
  TRY(get_xattr(overlay, inode, name, {}));
  TRY(copy_up_metadata(overlay, current(inode)));
  const InodeRef target = current(inode);
  const Located located = TRY(locate(overlay, *target));
  return sys::remove_xattr(located.place(), stored.c_str());
}

}  // namespace overpass::overlay
