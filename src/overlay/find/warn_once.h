// SPDX-License-Identifier: MIT
//
// One warning for what a layer should not hold: the path in the union, and what is wrong there.

#ifndef OVERPASS_OVERLAY_FIND_WARN_ONCE_H_
#define OVERPASS_OVERLAY_FIND_WARN_ONCE_H_

#include <string>

#include "overlay/state/inode.h"

namespace overpass::overlay {

/// A file as the union shows it.
struct UnionName {
  InodeRef parent;
  std::string name;
};

/// The first name of an inode that is not the root.
/// L: none of rank Inode on entry.
UnionName union_name_of(Inode& inode);

/// Warns about `name` in `directory`. `what` is a clause, for instance "its redirect mark is
/// garbled". Repeated warnings are given once (base/warning_limit.h).
/// L: none of rank Inode on entry.
void warn_once(Inode& directory, const char* name, const char* what);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_WARN_ONCE_H_
