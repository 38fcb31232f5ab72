// SPDX-License-Identifier: MIT
//
// Where a file is, for system calls ending in "at": a name in an open directory, or an open file
// itself. Symbolic links in the last component are never followed.

#ifndef OVERPASS_SYS_PLACE_H_
#define OVERPASS_SYS_PLACE_H_

#include <array>
#include <cstdio>
#include <string>

#include "base/unique_fd.h"

namespace overpass::sys {

struct Place {
  BorrowedFd fd;     ///< The directory, or the file itself when `name` is empty; may be O_PATH.
  const char* name;  ///< One component, or "" for `fd` itself. Not owned.

  bool is_fd() const { return name[0] == '\0'; }
};

inline Place itself(BorrowedFd fd) { return Place{fd, ""}; }

/// A path through /proc that reaches a Place, for system calls that know no directory descriptor.
/// For an `fd` place the last component is a magic link and has to be followed.
class ProcPath {
 public:
  explicit ProcPath(Place place) {
    if (place.is_fd()) {
      (void)std::snprintf(path_.data(), path_.size(), "/proc/self/fd/%d", raw(place.fd));
    } else {
      (void)std::snprintf(path_.data(), path_.size(), "/proc/self/fd/%d/%s", raw(place.fd),
                          place.name);
    }
  }
  const char* c_str() const { return path_.data(); }

 private:
  std::array<char, 320> path_;  // "/proc/self/fd/" + digits + '/' + NAME_MAX fits.
};

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_PLACE_H_
