// SPDX-License-Identifier: MIT
//
// mount --replace: the daemon of a union makes way for the program as it is on disk by now.

#ifndef OVERPASS_CLI_REPLACE_H_
#define OVERPASS_CLI_REPLACE_H_

#include <nlohmann/json.hpp>
#include <string>

#include "base/problem.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "cli/context.h"
#include "command_line/parse.h"

namespace overpass::cli {

/// Has the daemon of the mounted union that the call names replaced, and waits for it. The exit
/// code.
int replace_daemon(Context& context, const command_line::ParsedArguments& parsed);

/// What the daemon of a union, whose root is `root`, says of itself; empty if it says nothing.
nlohmann::json status_of(BorrowedFd root);

/// Why the daemon was not replaced, for the error of the command that asked for it. `what` has not
/// come to be.
Problem why_not_replaced(const std::string& what, BorrowedFd root, Errno error);

/// In the program that the keeper of a mount has executed: serves in the daemon's place. `rest` is
/// what follows fuse::kTakeOverWord.
int run_take_over(Context& context, const Arguments& rest);

/// Whether a process was called to do that. It keeps its parent's signals.
bool takes_over(const Arguments& arguments);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_REPLACE_H_
