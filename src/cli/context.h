// SPDX-License-Identifier: MIT
//
// What a command touches besides its arguments, in one struct, so that unit tests run commands in
// their own process with streams and a daemon of their own.

#ifndef OVERPASS_CLI_CONTEXT_H_
#define OVERPASS_CLI_CONTEXT_H_

#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "command_line/command.h"
#include "command_line/parse.h"
#include "config/options.h"

namespace overpass::cli {

using command_line::Arguments;

/// fuse::serve(), or what stands for it in a test.
using Serve = std::function<Expected<void>(const config::Options& options,
                                           const std::function<void()>& on_ready)>;

/// fuse::serve_handover().
using ChangeOptions = std::function<Expected<config::Options>(const config::Options& options,
                                                              const std::string& changes)>;
using ServeHandover =
    std::function<Expected<void>(UniqueFd handover, UniqueFd link, const ChangeOptions& change)>;

enum ExitCode : int { kSuccess = 0, kFailure = 1, kUsage = 2 };

struct Context;

struct Command {
  const command_line::Command* table;
  int (*run)(Context& context, const command_line::ParsedArguments& parsed);
  int usage = kUsage;  ///< The exit status of a call that cannot be read.
};

struct Context {
  std::ostream& out;
  std::ostream& err;
  Serve serve;
  std::vector<std::string> config_files;  ///< Searched in this order for a named mount.
  std::string home;                       ///< What "~/" stands for in them.
  ServeHandover serve_handover = {};
  std::span<const Command> commands = {};  ///< All there are; filled in by run().
};

/// Null when there is none.
const Command* find_command(const Context& context, std::string_view name);

std::vector<std::string_view> command_names(const Context& context);

/// That of a real process: standard streams, the real daemon, the user's and the system's files.
Context process_context();

/// Whether somebody reads the output: it is that of the process, and a terminal.
bool writes_to_terminal(const Context& context);

/// Prints "overpass: CAUSE (REMEDY)" as one line to `err` and returns `code`.
int fail_with(Context& context, const Problem& problem, int code = kFailure);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_CONTEXT_H_
