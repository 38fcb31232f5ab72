// SPDX-License-Identifier: MIT
//
// `overpass vacuum`: gives back the space of copies that change nothing.

#include "snapshots/vacuum.h"

#include "cli/commands.h"
#include "cli/layer_usage.h"
#include "cli/snapshot_watch.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--ignore-times", '\0', "", "also what differs in its modification time only"},
    {"--dry-run", 'n', "", "only say how much would be removed"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

}  // namespace

constexpr command_line::Command kVacuumCommand = {
    .name = "vacuum",
    .synopsis = "overpass vacuum [OPTIONS] NAME",
    .summary = "remove copies from a sandbox that change nothing",
    .description =
        "The sandbox shows what it showed. How many names were removed is printed, and the space\n"
        "they took. Frozen layers stay as they are.",
    .groups = kGroups,
    .examples = {},
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help vacuum",
};

int run_vacuum(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() != 1) {
    return fail_with(context, {"vacuum needs the NAME of one sandbox", "'overpass list' shows all"},
                     kUsage);
  }
  const auto held = hold_settled(parsed.operands.front());
  if (!held) return fail_with(context, held.error());
  const snapshots::VacuumOptions options = {.ignores_times = parsed.has("--ignore-times"),
                                            .is_dry = parsed.has("--dry-run")};
  const auto done = snapshots::vacuum(*held, options, interruptible_watch(context));
  if (!done) return fail_with(context, done.error());
  context.out << done->names << " names, " << size_text(done->bytes) << "\n";
  return kSuccess;
}

}  // namespace overpass::cli
