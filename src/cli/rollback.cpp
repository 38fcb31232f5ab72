// SPDX-License-Identifier: MIT
//
// `overpass rollback`: returns a sandbox to a snapshot.

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/diff_report.h"
#include "cli/diff_target.h"
#include "cli/snapshot_watch.h"
#include "snapshots/history.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--yes", 'y', "", "ask nothing, on a terminal either"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

/// Asks, if there is something to lose.
bool may_drop(Context& context, const snapshots::HeldSandbox& held, const std::string& label) {
  const sandbox::Record& record = held.record;
  if (record.snapshots.empty()) return true;
  const auto since =
      label.empty() ? std::optional(record.snapshots.size() - 1) : record.find_snapshot(label);
  if (!since) return true;  // Refused later.
  const auto unions = compare(target_of(held.sandbox, record, since), false);
  const auto list = unions ? std::optional(merged(*unions)) : std::nullopt;
  const size_t later = record.snapshots.size() - *since - 1;
  if (list && list->changes.empty() && later == 0) return true;
  return is_confirmed(context, held.sandbox.name() + ": drop what came after " +
                                   record.snapshots[*since].label + ", " + std::to_string(later) +
                                   " snapshots and " +
                                   (list ? counts_of(*list) : "changes that cannot be read") + "?");
}

}  // namespace

constexpr command_line::Command kRollbackCommand = {
    .name = "rollback",
    .synopsis = "overpass rollback [--yes] NAME [LABEL]",
    .summary = "return a sandbox to a snapshot",
    .description = "What came after the snapshot is dropped. Without LABEL it is the last one.",
    .groups = kGroups,
    .examples = {},
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help rollback",
};

int run_rollback(Context& context, const ParsedArguments& parsed) {
  const size_t count = parsed.operands.size();
  if (count < 1 || count > 2) {
    return fail_with(context,
                     {"rollback needs the NAME of one sandbox, and may have a LABEL",
                      "'overpass log NAME' shows the labels"},
                     kUsage);
  }
  const std::string label = count == 2 ? parsed.operands[1] : "";
  auto held = hold_settled(parsed.operands.front());
  if (!held) return fail_with(context, held.error());
  if (!parsed.has("--yes") && !may_drop(context, *held, label)) {
    return fail_with(context, {in_quotes(held->sandbox.name()) + " stays as it is",
                               "'y' or --yes drops what came after"});
  }
  const auto done = snapshots::rollback(*held, label);
  if (!done) return fail_with(context, done.error());
  context.out << *done << "\n";
  return kSuccess;
}

}  // namespace overpass::cli
