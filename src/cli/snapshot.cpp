// SPDX-License-Identifier: MIT
//
// `overpass snapshot`: a moment that a sandbox can return to.

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/snapshot_watch.h"
#include "snapshots/history.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {command_line::kHelpFlag};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass snapshot try1 before", "Freeze what was changed so far."},
    {"overpass rollback try1 before", "Drop what came after."},
};

}  // namespace

constexpr command_line::Command kSnapshotCommand = {
    .name = "snapshot",
    .synopsis = "overpass snapshot NAME [LABEL]",
    .summary = "freeze what was changed in a sandbox, to return to it",
    .description =
        "Nothing is copied. Without LABEL the snapshot is called by a number. The label is\n"
        "printed.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help snapshot",
};

int run_snapshot(Context& context, const ParsedArguments& parsed) {
  const size_t count = parsed.operands.size();
  if (count < 1 || count > 2) {
    return fail_with(context,
                     {"snapshot needs the NAME of one sandbox, and may have a LABEL",
                      "'overpass list' shows all sandboxes"},
                     kUsage);
  }
  const std::string label = count == 2 ? parsed.operands[1] : "";
  if (count == 2 && !sandbox::is_sandbox_name(label)) {
    return fail_with(
        context,
        {"no snapshot can be called " + in_quotes(label), "use letters, digits, '.', '_' and '-'"},
        kUsage);
  }
  auto held = hold_settled_running_or_not(parsed.operands.front());
  if (!held) return fail_with(context, held.error());
  const auto made = make_snapshot(context, *held, label);
  if (!made) return fail_with(context, made.error());
  context.out << *made << "\n";
  return kSuccess;
}

}  // namespace overpass::cli
