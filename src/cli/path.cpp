// SPDX-License-Identifier: MIT
//
// `overpass path`: where programs outside see what a sandbox shows.

#include <cstring>

#include "base/nearest.h"
#include "cli/commands.h"
#include "sandbox/keeper.h"
#include "sandbox/message.h"
#include "sandbox/store.h"
#include "sys/pidfd.h"

namespace overpass::cli {

namespace {

using sandbox::Sandbox;

constexpr command_line::Flag kFlags[] = {command_line::kHelpFlag};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"ls $(overpass path try1)/home", "What /home is in the sandbox try1."},
};

Expected<std::string> path_of(const std::string& name) {
  const auto sandbox = Sandbox::find(sandbox::store_path(), name);
  if (!sandbox) return std::unexpected(sandbox.error());
  const auto connection = sandbox::connect_to_keeper(*sandbox);
  if (!connection) {
    return problem("the sandbox " + in_quotes(name) + " does not run, so nothing shows it",
                   "begin it: overpass run " + name);
  }
  const auto first_process = sandbox::receive_answer(*connection);
  if (!first_process) return std::unexpected(first_process.error());
  const auto number = sys::number_of_process(*first_process);
  if (!number) return problem("the sandbox is ending", "begin it anew: overpass run " + name);
  return "/proc/" + std::to_string(*number) + "/root";
}

}  // namespace

constexpr command_line::Command kPathCommand = {
    .name = "path",
    .synopsis = "overpass path NAME",
    .summary = "print where programs outside see what a running sandbox shows",
    .description = "The path is valid while the sandbox runs, for this user and root.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help path",
};

int run_path(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() != 1) {
    return fail_with(context, {"path needs the NAME of one sandbox", "'overpass list' shows all"},
                     kUsage);
  }
  const auto path = path_of(parsed.operands.front());
  if (!path) return fail_with(context, path.error());
  context.out << *path << "\n";
  return kSuccess;
}

}  // namespace overpass::cli
