// SPDX-License-Identifier: MIT
//
// The directory that changes are carried into, and what is reached below it: never through a
// symbolic link, never across a mount.

#ifndef OVERPASS_APPLY_TARGET_H_
#define OVERPASS_APPLY_TARGET_H_

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/stat.h"

namespace overpass::apply {

/// Threads: one at a time. Paths are "a/b", "" is the directory itself.
class Target {
 public:
  /// The directory at `path`, a path that the user named.
  static Result<Target> open(const std::string& path);

  const std::string& path() const { return path_; }
  BorrowedFd root() const { return root_; }

  /// An open directory. ENOENT and ENOTDIR if there is none, ELOOP for a symbolic link, EXDEV for
  /// what is mounted there.
  Result<UniqueFd> directory(std::string_view path) const;

  /// What is at `path` itself.
  Result<sys::Stat> stat(std::string_view path) const;

 private:
  Target(std::string path, UniqueFd root) : path_(std::move(path)), root_(std::move(root)) {}

  std::string path_;
  UniqueFd root_;
};

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_TARGET_H_
