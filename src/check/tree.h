// SPDX-License-Identifier: MIT
//
// Reaching into a layer by path: from its root, never out of it, never through a symbolic link, and
// however deep.

#ifndef OVERPASS_CHECK_TREE_H_
#define OVERPASS_CHECK_TREE_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/place.h"

namespace overpass::check {

/// The directory at `path` ("" or "a/b", no leading slash) below `root`, opened with `flags` and
/// O_DIRECTORY. Paths longer than PATH_MAX are walked in pieces.
Result<UniqueFd> open_directory_below(BorrowedFd root, std::string_view path, int flags);

/// "a" and "b" to "a/b"; an empty parent adds nothing.
std::string joined(std::string_view parent, std::string_view name);

/// The names in a directory open for reading, without "." and "..", sorted, so that reports are the
/// same on every file system.
Result<std::vector<std::string>> names_in(BorrowedFd directory);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_TREE_H_
