// SPDX-License-Identifier: MIT
//
// The directories of a mount that are made on demand (option make_dirs): upper, workdir and
// mountpoint. A lower is never made: one that is missing is a mistake.

#ifndef OVERPASS_CLI_MAKE_DIRECTORIES_H_
#define OVERPASS_CLI_MAKE_DIRECTORIES_H_

#include <string>
#include <vector>

#include "base/problem.h"
#include "config/options.h"

namespace overpass::cli {

/// Removes what it made, as far as that is still empty, unless keep() was called.
class MadeDirectories {
 public:
  MadeDirectories() = default;
  MadeDirectories(const MadeDirectories&) = delete;
  MadeDirectories& operator=(const MadeDirectories&) = delete;
  ~MadeDirectories();

  /// Makes those of `options`, whose paths are absolute, if it has make_dirs: the workdir with mode
  /// 0700, the others and the directories above them with 0755, each less the umask. Nothing is
  /// made if a lower is missing.
  Expected<void> make(const config::Options& options);

  void keep() { made_.clear(); }

 private:
  Expected<void> make_path(const std::string& path, bool is_private);

  std::vector<std::string> made_;  ///< In the order in which they were made.
};

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_MAKE_DIRECTORIES_H_
