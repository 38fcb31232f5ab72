// SPDX-License-Identifier: MIT
//
// The keeper of a running sandbox: a process that makes its namespaces and mounts, lets visitors
// in, and ends everything when the last one has left.

#ifndef OVERPASS_SANDBOX_KEEPER_H_
#define OVERPASS_SANDBOX_KEEPER_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "sandbox/record.h"
#include "sandbox/store.h"
#include "sandbox/view.h"

namespace overpass::sandbox {

/// Sends a command to the union whose root is `root` (O_PATH) and waits for its outcome.
using ControlUnion =
    std::function<Result<void>(BorrowedFd root, std::string_view name, std::string_view value)>;

struct Keeping {
  Sandbox sandbox;
  UniqueFd lock;  ///< Of the sandbox.
  Record record;
  std::vector<PlannedMount> plan;
  std::string terminal;  ///< The path of the first visitor's, or empty.
  StartUnions start;
  ControlUnion control;
};

/// Starts a keeper in a child process: the connection of its first visitor. The child leaves the
/// terminal when the sandbox can be used; until then warnings go to standard error. To be called
/// with a single thread.
Expected<UniqueFd> start_keeper(Keeping keeping);

/// Connects to the keeper of a running sandbox. ENOENT or ECONNREFUSED when there is none: it may
/// be about to begin, or to end.
Result<UniqueFd> connect_to_keeper(const Sandbox& sandbox);

/// Has the keeper of a running sandbox send a command to all its unions, or to the one at `at`, and
/// waits for the outcome (message.h). ENOENT or ECONNREFUSED when the sandbox does not run. The
/// sandbox lasts as long as this does.
Result<void> control_unions(const Sandbox& sandbox, const std::string& name,
                            const std::string& value, const std::string& at = "");

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_KEEPER_H_
