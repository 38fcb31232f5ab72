// SPDX-License-Identifier: MIT
//
// What `overpass run` is called with.
//
// It is `run [OPTIONS] [NAME [OPTIONS]] [--] [CMD...]`. What stands behind "--" is CMD. The first
// word before it is a NAME if a sandbox is called so, if "--" follows at once, or if no program is
// called so and nothing or an option follows; otherwise it begins CMD. So a misspelt program with
// arguments is never taken for a NAME, and its first argument for the program.

#ifndef OVERPASS_CLI_RUN_CALL_H_
#define OVERPASS_CLI_RUN_CALL_H_

#include <functional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "sandbox/mount_plan.h"

namespace overpass::cli {

struct RunCall {
  std::string name;                  ///< Empty: none was given.
  std::vector<std::string> command;  ///< Empty: the user's shell.
  sandbox::Scope scope;              ///< With absolute paths, without symbolic links.
  bool is_root = false;
  bool has_network = true;
  bool keeps_bases = false;
  bool is_kept = false;       ///< --keep
  bool is_discarded = false;  ///< --discard

  /// Whether it says what a sandbox shows, which one that exists keeps as it was made.
  bool has_settings() const;
};

/// What is known outside of the call.
struct RunNames {
  std::function<bool(const std::string&)> is_sandbox;
  std::function<bool(const std::string&)> is_program;
};

Expected<RunCall> read_run_call(const ParsedArguments& parsed, const RunNames& names);

/// Whether PATH has an executable file called so.
bool is_program(const std::string& name);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_RUN_CALL_H_
