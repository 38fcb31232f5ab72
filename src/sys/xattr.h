// SPDX-License-Identifier: MIT
//
// Extended attributes by place. Uses the *xattrat system calls where the kernel has them (6.13),
// else a path (sys/proc.h).

#ifndef OVERPASS_SYS_XATTR_H_
#define OVERPASS_SYS_XATTR_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/place.h"

namespace overpass::sys {

/// getxattr(2): the value's length. An empty `value` asks for the length only. ERANGE when the
/// value is longer than `value`; ENODATA when there is none.
Result<size_t> get_xattr(Place place, const char* name, std::span<char> value);

/// The whole value, of any length the kernel allows (64 KiB). Most are short; get_long_xattr() asks
/// once for one that is not.
Result<std::string> get_xattr(Place place, const char* name);
Result<std::string> get_long_xattr(Place place, const char* name);

/// setxattr(2) with XATTR_CREATE or XATTR_REPLACE in `flags`.
Result<void> set_xattr(Place place, const char* name, std::string_view value, int flags = 0);

Result<void> remove_xattr(Place place, const char* name);

/// The names of all attributes.
Result<std::vector<std::string>> list_xattrs(Place place);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_XATTR_H_
