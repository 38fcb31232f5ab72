// SPDX-License-Identifier: MIT
//
// Puts the view of a sandbox together in this process's mount namespace, which is one of its own:
// unions and bound mounts below one directory, then /dev and /sys, then, from inside the pid
// namespace, /proc.

#ifndef OVERPASS_SANDBOX_VIEW_H_
#define OVERPASS_SANDBOX_VIEW_H_

#include <sys/types.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "config/options.h"
#include "sandbox/mount_plan.h"
#include "sandbox/record.h"
#include "sandbox/store.h"

namespace overpass::sandbox {

/// Mounts unions, each served by a process of its own, and returns when all can be used or have
/// failed: for each its process, a child of this one, or its problem.
using StartUnions =
    std::function<std::vector<Expected<pid_t>>(std::span<const config::Options> unions)>;

/// A union that a process serves.
struct RunningUnion {
  pid_t daemon;
  std::string at;  ///< Its place in the sandbox.
  UniqueFd root;   ///< O_PATH; empty if it could not be opened.
};

/// Mounts `plan` below `view`, an absolute path. A mount that cannot be shown is left out with a
/// warning; the root's problem is returned. Unions are added to `unions`, also when it fails.
Expected<void> mount_plan(const std::vector<PlannedMount>& plan, const std::string& view,
                          const Sandbox& sandbox, Record& record, const StartUnions& start,
                          std::vector<RunningUnion>& unions);

/// Mounts what the system gives: devices that have no state, terminals of the sandbox's own, and
/// /sys, read-only. `terminal` is the caller's, or empty.
Expected<void> mount_devices(const std::string& view, const std::string& terminal);

/// Mounts a procfs of this process's pid namespace, and protects the parts by which the superuser
/// would change the machine. To be called by the first process of that namespace.
Expected<void> mount_proc(const std::string& view);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_VIEW_H_
