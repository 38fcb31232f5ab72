// SPDX-License-Identifier: MIT
//
// `overpass rm`: removes sandboxes with what was changed in them.

#include <unistd.h>

#include <cstring>
#include <iostream>

#include "base/nearest.h"
#include "cli/commands.h"
#include "sandbox/store.h"

namespace overpass::cli {

namespace {

using sandbox::Sandbox;

constexpr command_line::Flag kFlags[] = {
    {"--force", '\0', "", "ask nothing, on a terminal either"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

Expected<void> remove(const std::string& name) {
  const std::string store = sandbox::store_path();
  const auto sandbox =
      sandbox::is_sandbox_name(name) ? Sandbox::open(store, name) : Result<Sandbox>(fail(ENOENT));
  if (!sandbox) {
    return problem("no sandbox is called " + in_quotes(name), "'overpass list' shows all");
  }
  const auto lock = sandbox->lock();
  if (lock.failed_with(EWOULDBLOCK)) {
    return problem("the sandbox " + in_quotes(name) + " is running", "end what runs in it first");
  }
  const auto removed =
      lock ? sandbox::remove_sandbox(store, *sandbox) : Result<void>(fail(lock.error()));
  if (removed) return {};
  return problem(
      in_quotes(sandbox->path()) + " cannot be removed: " + std::strerror(to_int(removed.error())),
      "correct the permissions, or remove it as root");
}

}  // namespace

constexpr command_line::Command kRmCommand = {
    .name = "rm",
    .synopsis = "overpass rm NAME...",
    .summary = "remove sandboxes with what was changed in them",
    .description = "",
    .groups = kGroups,
    .examples = {},
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help rm",
};

int run_rm(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.empty()) {
    return fail_with(context, {"rm needs the NAME of a sandbox", "'overpass list' shows all"},
                     kUsage);
  }
  int code = kSuccess;
  for (const std::string& name : parsed.operands) {
    if (auto removed = remove(name); !removed) code = fail_with(context, removed.error());
  }
  return code;
}

}  // namespace overpass::cli
