// SPDX-License-Identifier: MIT
//
// Why a mount could not be made, and what helps, from what the kernel, libfuse and fusermount3 say.

#ifndef OVERPASS_FUSE_MOUNT_PROBLEM_H_
#define OVERPASS_FUSE_MOUNT_PROBLEM_H_

#include <string>
#include <string_view>

#include "base/problem.h"
#include "base/result.h"
#include "fuse/helper_profile.h"

namespace overpass::fuse {

/// A mountpoint that cannot be opened.
Problem mountpoint_problem(const std::string& mountpoint, Errno error);

/// The facts about a failed mount.
struct FailedMount {
  std::string mountpoint;
  std::string complaint;       ///< The last thing that libfuse complained of; may be empty.
  std::string helper;          ///< What fusermount3 wrote to standard error; may be empty.
  bool is_root = false;        ///< Whether it was tried as uid 0, which may be that of a namespace.
  HelperProfile profile = {};  ///< AppArmor's, of fusermount3.
};

/// The cause, in the words of the program or kernel that refused, and the remedy.
Problem explain(const FailedMount& failed);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_MOUNT_PROBLEM_H_
