// SPDX-License-Identifier: MIT
//
// A command that is run in a sandbox, and the exit statuses of who runs it.

#ifndef OVERPASS_SANDBOX_COMMAND_H_
#define OVERPASS_SANDBOX_COMMAND_H_

#include <string>
#include <vector>

namespace overpass::sandbox {

struct Command {
  std::vector<std::string> words;  ///< The program, searched in PATH, and its arguments.
  std::string directory;           ///< Where it begins, if that is there; else "/".
  bool keeps_rights = false;       ///< Those of root in the sandbox's user namespace.
  bool has_network = true;         ///< Not one of the sandbox's own.
};

/// The exit statuses of what runs a command for others (env(1), timeout(1)).
enum ExitStatus : int {
  kNotRun = 125,       ///< The sandbox could not be used.
  kNotExecuted = 126,  ///< The program is there but cannot be executed.
  kNotFound = 127,
  kSignalled = 128,  ///< More: the number of the signal that ended it.
};

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_COMMAND_H_
