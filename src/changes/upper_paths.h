// SPDX-License-Identifier: MIT
//
// Where an upper has something: each place at which its union may differ from the lowers. Nothing
// is compared, so that this is as quick as a walk through the upper can be.

#ifndef OVERPASS_CHANGES_UPPER_PATHS_H_
#define OVERPASS_CHANGES_UPPER_PATHS_H_

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "changes/change.h"

namespace overpass::changes {

/// Stands for an entry in a directory of the upper that has nothing but directories.
inline constexpr std::string_view kSomeName = "any";

/// The paths of all that the upper at `root` has below its directory `top` ("" or "a/b"), seen from
/// there: files, and whiteouts by the names that they hide. Directories are not among them: for git
/// one stands for all that is below it, in the lowers too. But each is the parent of a path, which
/// has kSomeName if there is no other. Nothing is said of names called `left_out`, and of what is
/// below them. No path if the upper has no directory at `top`. What cannot be read is the error.
std::expected<std::vector<std::string>, Unread> paths_in_upper(BorrowedFd root,
                                                               std::string_view top,
                                                               std::string_view left_out);

}  // namespace overpass::changes

#endif  // OVERPASS_CHANGES_UPPER_PATHS_H_
