// SPDX-License-Identifier: MIT
//
// Running a command in a sandbox, as if it were run outside: with the caller's directory,
// environment, terminal, signals and exit status.

#ifndef OVERPASS_SANDBOX_VISIT_H_
#define OVERPASS_SANDBOX_VISIT_H_

#include "base/problem.h"
#include "base/unique_fd.h"
#include "sandbox/command.h"

namespace overpass::sandbox {

/// Runs `command` in the sandbox of `first_process` (a pidfd) and waits for its end: its exit
/// status, or one of the above. Signals that this process gets from another one go to the command;
/// those of the terminal reach it by themselves. If this process is killed, so is the command. A
/// problem if the sandbox ended, or cannot be entered. For a process with a single thread.
Expected<int> visit(BorrowedFd first_process, const Command& command);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_VISIT_H_
