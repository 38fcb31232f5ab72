// SPDX-License-Identifier: MIT
//
// Reaching into a layer by path: from its root, never out of it, never through a symbolic link, and
// however deep.

#ifndef OVERPASS_CHECK_TREE_H_
#define OVERPASS_CHECK_TREE_H_

#include <cstdint>
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

/// An open directory below a root that goes from path to path by the steps between the two, so that
/// a walk through a tree costs a few system calls for each directory, however deep it is.
/// Invariant: `levels_` are the components of `path_`, and at_ is the last one's, or nothing for
/// the root.
class Walk {
 public:
  explicit Walk(BorrowedFd root) : root_(root) {}

  /// The directory at `path` ("" or "a/b"), O_PATH; valid until the next call. Passes through no
  /// symbolic link.
  Result<BorrowedFd> go_to(std::string_view path);

 private:
  struct Level {
    size_t end;  ///< Of the component in path_.
    dev_t device;
    uint64_t ino;
  };

  BorrowedFd at() const { return levels_.empty() ? root_ : BorrowedFd(at_); }
  void start_over();
  Result<void> down(std::string_view name);
  /// Goes up to the first `count` levels.
  Result<void> up_to(size_t count);

  BorrowedFd root_;
  UniqueFd at_;
  std::string path_;
  std::vector<Level> levels_;
};

/// "a" and "b" to "a/b"; an empty parent adds nothing.
std::string joined(std::string_view parent, std::string_view name);

/// The names in a directory open for reading, without "." and "..", sorted, so that reports are the
/// same on every file system.
Result<std::vector<std::string>> names_in(BorrowedFd directory);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_TREE_H_
