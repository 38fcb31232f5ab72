// SPDX-License-Identifier: MIT
//
// `overpass squash`: one layer instead of many.

#include "snapshots/squash.h"

#include "cli/commands.h"
#include "cli/snapshot_watch.h"
#include "sandbox/layer_store.h"
#include "snapshots/history.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--thaw", '\0', "", "leave no snapshot: single paths can be discarded again"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

Expected<std::string> squash_all(Context& context, const std::string& name, bool thaws) {
  auto held = hold_settled(name);
  if (!held) return std::unexpected(held.error());
  const snapshots::Watch watch = interruptible_watch(context);
  if (snapshots::has_unfrozen_changes(*held)) {
    const auto made = snapshots::snapshot(*held, "", watch);
    if (!made) return std::unexpected(made.error());
  }
  const auto done = thaws ? snapshots::thaw(*held, watch) : snapshots::squash(*held, watch);
  if (!done) return std::unexpected(done.error());
  return held->record.snapshots.empty() ? "" : held->record.snapshots.back().label;
}

}  // namespace

constexpr command_line::Command kSquashCommand = {
    .name = "squash",
    .synopsis = "overpass squash [--thaw] NAME",
    .summary = "make one snapshot of all that a sandbox has",
    .description =
        "All frozen layers become one, with what is not frozen yet. The last snapshot stays; its\n"
        "label is printed. Sandboxes that share layers keep them.",
    .groups = kGroups,
    .examples = {},
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help squash",
};

int run_squash(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() != 1) {
    return fail_with(context, {"squash needs the NAME of one sandbox", "'overpass list' shows all"},
                     kUsage);
  }
  const auto label = squash_all(context, parsed.operands.front(), parsed.has("--thaw"));
  if (!label) return fail_with(context, label.error());
  if (!label->empty()) context.out << *label << "\n";
  sandbox::collect_layers(sandbox::store_path());
  return kSuccess;
}

}  // namespace overpass::cli
