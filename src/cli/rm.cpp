// SPDX-License-Identifier: MIT
//
// `overpass rm`: removes sandboxes with what was changed in them.

#include <cstring>

#include "apply/carry_out.h"
#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/diff_report.h"
#include "cli/diff_target.h"
#include "cli/question.h"
#include "sandbox/layer_store.h"
#include "sandbox/store.h"

namespace overpass::cli {

namespace {

using sandbox::Sandbox;

constexpr command_line::Flag kFlags[] = {
    {"--force", '\0', "", "ask nothing, on a terminal either"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

/// Whether the user, on a terminal, says so. Nothing is asked about a sandbox without changes.
bool is_confirmed(Context& context, const Sandbox& sandbox) {
  if (!is_on_terminal()) return true;
  const auto list = changes_of(sandbox);
  const bool has_kept = apply::has_kept(sandbox);
  if (list && list->changes.empty() && !has_kept) return true;
  const std::string kept = has_kept ? ", and an apply that can be taken back or done again" : "";
  return says_yes(context, "overpass: " + sandbox.name() + " has " +
                               (list ? counts_of(*list) : "changes that cannot be read") + kept +
                               "; remove it?");
}

Expected<void> remove(Context& context, const std::string& name, bool is_forced) {
  const std::string store = sandbox::store_path();
  const auto sandbox = Sandbox::find(store, name);
  if (!sandbox) return std::unexpected(sandbox.error());
  const auto lock = sandbox->lock();
  if (lock.failed_with(EWOULDBLOCK)) {
    return problem("the sandbox " + in_quotes(name) + " is running", "end what runs in it first");
  }
  if (!lock) {
    return problem("the sandbox " + in_quotes(name) +
                       " cannot be locked: " + std::strerror(to_int(lock.error())),
                   "correct the permissions, or remove it as root");
  }
  if (!is_forced) {
    if (auto free = apply::check_not_interrupted(*sandbox); !free) return free;
  }
  if (!is_forced && !is_confirmed(context, *sandbox)) {
    return problem(in_quotes(name) + " stays", "'y' or --force removes it");
  }
  return sandbox::remove_sandbox(store, *sandbox);
}

}  // namespace

constexpr command_line::Command kRmCommand = {
    .name = "rm",
    .synopsis = "overpass rm [--force] NAME...",
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
    if (auto removed = remove(context, name, parsed.has("--force")); !removed)
      code = fail_with(context, removed.error());
  }
  sandbox::collect_layers(sandbox::store_path());
  return code;
}

}  // namespace overpass::cli
