// SPDX-License-Identifier: MIT
//
// Names are translated at this border and nowhere else.

#include "overlay/change/xattr.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "base/id_map.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/find/attributes.h"
#include "overlay/find/locate.h"
#include "overlay/find/protection.h"
#include "overlay/find/ruling.h"
#include "overlay/find/scoped_writable.h"
#include "overlay/find/set_ids.h"
#include "overlay/find/xattr_names.h"
#include "overlay/open/open_file.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/credentials.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

Result<void> check_supported(const Overlay& overlay, std::string_view name) {
  const bool is_supported = overlay.settings.xattrs && (overlay.settings.acls || !is_acl(name));
  return is_supported ? Result<void>() : fail(EOPNOTSUPP);
}

/// A write takes away a file's capabilities, and the kernel asks for that by this request; any
/// other way needs CAP_SETFCAP. A change of owner to the present owner takes them too, but also the
/// set-id bits, which must stay.
Result<void> remove_capability(sys::Place place) {
  auto removed = sys::remove_xattr(place, kCapability);
  if (!removed.failed_with(EPERM)) return removed;
  const sys::Stat before = TRY(sys::stat(place));
  TRY(sys::change_owner(place, kNoId, kNoId));
  const sys::Stat after = TRY(sys::stat(place));
  if (before.stx_mode == after.stx_mode) return {};
  return sys::change_mode(place, before.stx_mode & 07777);
}

/// An ACL has changed the mode. The kernel asks for the mode before it uses it.
void note_new_mode(const Overlay& overlay, Inode& inode,
                   const Located& located) NO_THREAD_SAFETY_ANALYSIS {
  if (inode.is_directory()) return;
  if (const auto stat = sys::stat(located.place())) {
    overlay.table.know(inode, known_object(*stat));
  }
}

/// The time of change is another one afterwards. REQUIRES: the inode is located.
void outdate(Inode& inode) NO_THREAD_SAFETY_ANALYSIS {
  if (!inode.is_directory()) outdate_copy(inode);
}

/// An attribute that takes permission to read or write the file, as its bytes do.
bool is_content(std::string_view name) { return name.starts_with("user."); }

bool is_capability(std::string_view name) { return name == kCapability; }

/// Whether `caller` may set an access ACL of the file and leave it a set-group-ID bit. Its groups
/// are asked for only where there is such a bit, since they are read from /proc.
bool may_keep_setgid(Overlay& overlay, const Caller& caller, const InodeRef& inode) {
  const auto stat = attributes(overlay, inode);
  if (!stat || (stat->stx_mode & S_ISGID) == 0) return false;
  return caller.uid == 0 || keeps_group_mark(caller, stat->stx_gid);
}

/// Setting an access ACL takes the set-group-ID bit unless the caller may keep it. The daemon may,
/// if it is in the group itself.
void drop_setgid(sys::Place place) {
  const auto stat = sys::stat(place);
  if (!stat || (stat->stx_mode & S_ISGID) == 0) return;
  (void)sys::change_mode(place, stat->stx_mode & 07777 & ~S_ISGID);
}

}  // namespace

Result<size_t> get_xattr(Overlay& overlay, const InodeRef& inode, const char* name,
                         std::span<char> value) {
  TRY(check_supported(overlay, name));
  if (is_content(name)) TRY(check_deny_rule(overlay, *inode));
  const bool is_of_acl = is_acl(name);
  const InodeRef target = current(inode);
  const Located located = TRY(held(overlay, *target));
  const std::string stored = stored_name(overlay, located.layer(), name);
  if (!shown_name(overlay, located.layer(), stored)) return fail(ENODATA);
  auto length = sys::get_xattr(located.place(), stored.c_str(), value);
  // Where a layer's file system knows no ACLs (squashfs), there is none: any other errno would
  // become the answer to permission checks of users other than the owner.
  if (length.failed_with(EOPNOTSUPP) && is_of_acl) return fail(ENODATA);
  if (length && is_of_acl && !value.empty() && overlay.settings.owners.has_maps()) {
    const std::string mapped = overlay.settings.owners.acl_shown({value.data(), *length});
    std::copy(mapped.begin(), mapped.end(), value.begin());
  }
  return length;
}

Result<std::string> list_xattrs(Overlay& overlay, const Caller& caller, const InodeRef& inode) {
  TRY(check_supported(overlay, ""));
  std::string names;
  const InodeRef target = current(inode);
  const Located located = TRY(held(overlay, *target));
  for (const std::string& stored : TRY(sys::list_xattrs(located.place()))) {
    if (caller.uid != 0 && stored.starts_with("trusted.")) continue;
    if (auto name = shown_name(overlay, located.layer(), stored)) {
      names.append(name->c_str(), name->size() + 1);
    }
  }
  return names;
}

Result<void> set_xattr(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                       const char* name, std::string_view value, int flags) {
  TRY(check_supported(overlay, name));
  if (is_content(name)) TRY(check_deny_rule(overlay, *inode));
  const bool is_of_acl = is_acl(name);
  const std::string stored = stored_name(overlay, layer::kUpper, name);
  if (!shown_name(overlay, layer::kUpper, stored)) return fail(EPERM);
  std::string mapped;
  if (is_of_acl && overlay.settings.owners.has_maps()) {
    mapped = TRY(overlay.settings.owners.acl_on_disk(value));
    value = mapped;
  }
  const bool keeps_setgid = stored == kAccessAcl && may_keep_setgid(overlay, caller, inode);
  TRY(copy_up_metadata(overlay, caller, current(inode)));
  InodeRef target = current(inode);
  std::optional<ModeChange> mode_change;
  if (stored == kAccessAcl && target->is_directory()) mode_change.emplace(*target);
  const Located located = TRY(current_located(overlay, target, held));
  const sys::KeepingSetgid keeping(keeps_setgid);
  outdate(*target);
  TRY(sys::set_xattr(located.place(), stored.c_str(), value, flags));
  if (stored == kAccessAcl && !keeps_setgid) drop_setgid(located.place());
  if (is_of_acl) note_new_mode(overlay, *target, located);
  return {};
}

Result<void> remove_xattr(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                          const char* name) {
  if (!overlay.is_writable()) return fail(EROFS);
  const auto present = get_xattr(overlay, inode, name, {});
  // An ACL that is absent is the one that the mode says.
  if (present.failed_with(ENODATA) && is_acl(name))
    return check_protection(overlay, *current(inode));
  TRY(present);
  // A write takes the capabilities, which the kernel asks for, also of an append-only file.
  const bool is_of_write = is_capability(name) && may_be_written(*current(inode));
  TRY(copy_up_metadata(overlay, caller, current(inode), /*despite_protection=*/is_of_write));
  const InodeRef target = current(inode);
  const Located located = TRY(held(overlay, *target));
  outdate(*target);
  const std::string stored = stored_name(overlay, layer::kUpper, name);
  if (stored == kCapability) return remove_capability(located.place());
  return sys::remove_xattr(located.place(), stored.c_str());
}

}  // namespace overpass::overlay
