// SPDX-License-Identifier: MIT
//
// `overpass prune`: removes sandboxes that hold nothing, or that nobody has used for long.

#include <ctime>
#include <optional>

#include "apply/carry_out.h"
#include "base/nearest.h"
#include "base/number.h"
#include "cli/commands.h"
#include "cli/diff_target.h"
#include "sandbox/layer_store.h"
#include "sandbox/new_sandbox.h"
#include "sandbox/store.h"

namespace overpass::cli {

namespace {

using sandbox::Sandbox;

constexpr command_line::Flag kFlags[] = {
    {"--older-than", '\0', "DAYS", "also those that were not run for so many days"},
    {"--dry-run", 'n', "", "only say which would be removed"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass prune", "Remove what holds no changes."},
    {"overpass prune --older-than 30 -n", "What has not been used for a month?"},
};

/// Nothing without --older-than.
Expected<std::optional<int64_t>> seconds_of(const ParsedArguments& parsed) {
  std::optional<int64_t> seconds;
  for (const command_line::GivenFlag& flag : parsed.flags) {
    if (flag.name != "--older-than") continue;
    constexpr int64_t kMost = 100'000;
    const auto days = number_of<int64_t>(flag.value);
    if (!days || *days < 0 || *days > kMost) {
      return problem("--older-than takes no " + in_quotes(flag.value), "give a number of days");
    }
    seconds = *days * 24 * 60 * 60;
  }
  return seconds;
}

/// Whether it can be told that the sandbox holds nothing: what cannot be read may hold something.
bool is_empty(const Sandbox& sandbox) {
  if (!sandbox::has_record(sandbox)) return false;
  const auto record = sandbox::read_record(sandbox);
  if (!record || !record->snapshots.empty()) return false;
  // What an apply has replaced is kept.
  if (apply::has_kept(sandbox)) return false;
  const DiffTarget target = target_of(sandbox, *record);
  if (!target.gone.empty()) return false;
  const auto unions = compare(target, false);
  if (!unions) return false;
  const changes::List list = merged(*unions);
  return list.changes.empty() && list.unread.empty();
}

}  // namespace

constexpr command_line::Command kPruneCommand = {
    .name = "prune",
    .synopsis = "overpass prune [--older-than DAYS] [--dry-run]",
    .summary = "remove sandboxes without changes, or old ones",
    .description = "The names of those that are removed are printed. None that runs is removed.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Nothing,
    .help_call = "overpass help prune",
};

int run_prune(Context& context, const ParsedArguments& parsed) {
  if (!parsed.operands.empty()) {
    return fail_with(context,
                     {"prune takes no argument: " + in_quotes(parsed.operands.front()),
                      "'overpass rm NAME' removes one sandbox"},
                     kUsage);
  }
  const auto oldest = seconds_of(parsed);
  if (!oldest) return fail_with(context, oldest.error(), kUsage);
  const std::string store = sandbox::store_path();
  int code = kSuccess;
  for (const std::string& name : sandbox::sandbox_names(store)) {
    const auto sandbox = Sandbox::open(store, name);
    const auto lock = sandbox ? sandbox->lock() : Result<UniqueFd>(fail(sandbox.error()));
    if (!lock) continue;  // It runs.
    if (!apply::check_not_interrupted(*sandbox)) continue;
    const bool is_old = *oldest && std::time(nullptr) - sandbox->last_run() >= **oldest;
    if (!is_old && !is_empty(*sandbox)) continue;
    const auto removed =
        parsed.has("--dry-run") ? Expected<void>() : sandbox::remove_sandbox(store, *sandbox);
    if (removed)
      context.out << name << "\n";
    else
      code = fail_with(context, removed.error());
  }
  sandbox::collect_layers(store);
  sandbox::remove_unfinished(store);
  return code;
}

}  // namespace overpass::cli
