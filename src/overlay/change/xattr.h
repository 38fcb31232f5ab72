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
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// getxattr(2): the length, and the value unless `value` is empty. ENODATA, ERANGE.
/// L: none of rank Inode on entry.
Result<size_t> get_xattr(Overlay& overlay, const InodeRef& inode, const char* name,
                         std::span<char> value);

/// listxattr(2): the names, each with its zero byte. Those of the trusted namespace are only for
/// the privileged (xattr(7)). L: none of rank Inode on entry.
Result<std::string> list_xattrs(Overlay& overlay, const InodeRef& inode, bool privileged);

/// setxattr(2) with XATTR_* `flags`. `keeps_setgid` tells whether the caller may keep the
/// set-group-ID bit when an ACL changes the mode.
/// May copy data: not for serving threads when needs_data_copy().
Result<void> set_xattr(Overlay& overlay, const InodeRef& inode, const char* name,
                       std::string_view value, int flags, bool keeps_setgid);

/// removexattr(2). Copies up only what has the attribute.
/// May copy data: not for serving threads when needs_data_copy().
Result<void> remove_xattr(Overlay& overlay, const InodeRef& inode, const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_XATTR_H_
