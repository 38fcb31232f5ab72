// SPDX-License-Identifier: MIT

#ifndef OVERPASS_CLI_TEMPORARY_DIRECTORY_H_
#define OVERPASS_CLI_TEMPORARY_DIRECTORY_H_

#include <string>
#include <utility>

#include "base/problem.h"

namespace overpass::cli {

/// A directory of this process's own in $TMPDIR, or in /tmp. Goes with all that is in it.
class TemporaryDirectory {
 public:
  /// `purpose` is part of its name.
  static Expected<TemporaryDirectory> make(const std::string& purpose);

  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory();

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_TEMPORARY_DIRECTORY_H_
