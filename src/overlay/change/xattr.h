// SPDX-License-Identifier: MIT
//
// Extended attributes and ACLs of the union. The format's own are not shown; a caller's attribute
// of such a name is kept escaped, as the kernel does.

#ifndef OVERPASS_OVERLAY_CHANGE_XATTR_H_
#define OVERPASS_OVERLAY_CHANGE_XATTR_H_

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "overlay/state/caller.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// getxattr(2): the length, and the value unless `value` is empty. ENODATA, ERANGE.
/// L: none of rank Inode on entry.
Result<size_t> get_xattr(Overlay& overlay, const InodeRef& inode, const char* name,
                         std::span<char> value);

/// listxattr(2): the names, each with its zero byte. Those of the trusted namespace are only for
/// the superuser (xattr(7)). L: none of rank Inode on entry.
Result<std::string> list_xattrs(Overlay& overlay, const Caller& caller, const InodeRef& inode);

/// setxattr(2) with XATTR_* `flags`. An access ACL costs a file its set-group-ID bit unless
/// `caller` is the superuser or in the file's group. kMustWait as for copy_up_metadata().
Result<void> set_xattr(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                       const char* name, std::string_view value, int flags);

/// removexattr(2). Copies up only what has the attribute. kMustWait as for copy_up_metadata().
Result<void> remove_xattr(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                          const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_XATTR_H_
