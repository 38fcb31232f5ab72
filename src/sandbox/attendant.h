// SPDX-License-Identifier: MIT
//
// The attendant of a command: its parent in the sandbox. The sandbox's first process must be able
// to reap everything in its namespace, so an attendant is adopted by it, and only talks to the
// visitor outside.

#ifndef OVERPASS_SANDBOX_ATTENDANT_H_
#define OVERPASS_SANDBOX_ATTENDANT_H_

#include <optional>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "sandbox/command.h"

namespace overpass::sandbox {

/// A visitor's connection to an attendant.
struct Attended {
  UniqueFd connection;
  UniqueFd command;  ///< A pidfd; empty if it was not run.
  int status = 0;    ///< The exit status then.
};

/// Enters the namespaces of `first_process` in a child and starts `command` there.
Expected<Attended> start_attended(BorrowedFd first_process, const Command& command);

/// Reads from the connection of an attendant, when there is something to read, how the command
/// ended: its exit status. Nothing if the attendant is gone.
std::optional<int> read_status(BorrowedFd connection);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_ATTENDANT_H_
