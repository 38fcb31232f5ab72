// SPDX-License-Identifier: MIT
//
// What a user sees and may interrupt of a command that changes a sandbox's layers.

#ifndef OVERPASS_CLI_SNAPSHOT_WATCH_H_
#define OVERPASS_CLI_SNAPSHOT_WATCH_H_

#include <string>

#include "base/problem.h"
#include "cli/context.h"
#include "snapshots/held_sandbox.h"
#include "snapshots/index_links.h"

namespace overpass::cli {

/// Stops at the first SIGINT, SIGTERM or SIGHUP, and shows progress on a terminal: a number of what
/// `done` says. `context` outlives it.
snapshots::Watch interruptible_watch(Context& context,
                                     const std::string& done = "directories looked through");

/// The sandbox that a user called `name`, for changing its layers. A problem if it runs, or if an
/// apply of it was interrupted.
Expected<snapshots::HeldSandbox> hold_settled(const std::string& name);

/// The same for a sandbox that may run.
Expected<snapshots::HeldSandbox> hold_settled_running_or_not(const std::string& name);

/// The same, also if an apply of it was interrupted: for ending that.
Expected<snapshots::HeldSandbox> hold_running_or_not(const std::string& name);

/// Makes a snapshot of what hold_settled_running_or_not() returned: its label.
Expected<std::string> make_snapshot(Context& context, snapshots::HeldSandbox& held,
                                    const std::string& label);

/// Whether the user, on a terminal, answers the question with yes. Without a terminal nothing is
/// asked, and the answer is yes.
bool is_confirmed(Context& context, const std::string& question);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_SNAPSHOT_WATCH_H_
