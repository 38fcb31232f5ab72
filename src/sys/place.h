// SPDX-License-Identifier: MIT
//
// The place of a file, for system calls ending in "at": a name in an open directory, or an open
// file itself. Symbolic links in the last component are never followed.

#ifndef OVERPASS_SYS_PLACE_H_
#define OVERPASS_SYS_PLACE_H_

#include "base/unique_fd.h"

namespace overpass::sys {

struct Place {
  BorrowedFd fd;     ///< The directory, or the file itself when `name` is empty; may be O_PATH.
  const char* name;  ///< One component, or "" for `fd` itself. Not owned.

  bool is_fd() const { return name[0] == '\0'; }
};

inline Place place_of(BorrowedFd fd) { return Place{fd, ""}; }

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_PLACE_H_
