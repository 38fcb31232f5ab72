// SPDX-License-Identifier: MIT
//
// `overpass discard`: takes changes out of a sandbox.

#include <algorithm>
#include <iostream>

#include "apply/carry_out.h"
#include "base/nearest.h"
#include "cli/apply_call.h"
#include "cli/commands.h"
#include "cli/diff_report.h"
#include "cli/diff_target.h"
#include "cli/drop_part.h"
#include "cli/snapshot_watch.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--dry-run", 'n', "", "show what would be discarded, and do nothing"},
    {"--yes", 'y', "", "do not ask; needed where standard input is no terminal"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass discard try1 node_modules", "Go on without what was changed there."},
};

Expected<void> discard_all(HeldSandbox& held, const std::vector<apply::Part>& parts) {
  for (const apply::Part& part : parts) {
    const apply::Plan plan = apply::plan_of(part, apply::new_id());
    const apply::JournalPart dropped = {
        .directory = part.directory,
        .target = part.target.path(),
        .gives_owner = part.gives_owner,
        .is_whole = part.is_whole,
        .dropped = plan.dropped,
        .identity = sandbox::file_system_identity(part.target.path()),
        .frozen = part.frozen,
        .is_taken = part.is_taken,
        .thinned = part.thinned};
    if (auto done = drop_part(held, dropped); !done) return done;
  }
  return {};
}

/// What is open while a sandbox runs has stayed in its upper, and what came since is there too.
void tell_what_is_left(Context& context, const HeldSandbox& held,
                       const std::vector<std::string>& paths) {
  if (!held.is_running) return;
  const auto left = changes_of(held.sandbox);
  if (!left) return;
  for (const changes::Change& change : left->changes) {
    const std::string& path = change.path.empty() ? change.old_path : change.path;
    const bool is_concerned =
        paths.empty() || std::ranges::any_of(paths, [&](const std::string& wanted) {
          return apply::is_at_or_below(path, wanted);
        });
    if (is_concerned) context.err << "in use, kept: " << in_quotes("/" + path) << "\n";
  }
}

int discard(Context& context, const ParsedArguments& parsed, HeldSandbox& held) {
  if (auto frozen = freeze_changes(held, parsed); !frozen) {
    return fail_with(context, frozen.error(), kApplyImpossible);
  }
  const bool is_frozen = held.is_running && !parsed.has("--dry-run");
  auto parts = find_parts(held, paths_of(parsed), interruptible_watch(context), is_frozen);
  if (!parts) return fail_with(context, parts.error(), kApplyImpossible);
  if (auto possible = choose_layers(held, *parts, /*is_discarded=*/true); !possible) {
    return fail_with(context, possible.error(), kApplyImpossible);
  }
  const changes::List list = selected_of(*parts);
  if (list.changes.empty()) {
    context.err << "overpass: " << held.sandbox.name() << " has no changes\n";
    return kApplyDone;
  }
  if (const auto code = ask(context, parsed, list, {}, {"discard " + counts_of(list), ""})) {
    return *code;
  }
  if (auto done = discard_all(held, *parts); !done) {
    return fail_with(context, done.error(), kApplyImpossible);
  }
  tell_what_is_left(context, held, paths_of(parsed));
  return kApplyDone;
}

}  // namespace

constexpr command_line::Command kDiscardCommand = {
    .name = "discard",
    .synopsis = "overpass discard [--yes | --dry-run] [NAME [PATH...]]",
    .summary = "take changes out of a sandbox",
    .description = "The sandbox itself stays; 'overpass rm' removes it.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help discard",
};

int run_discard(Context& context, const ParsedArguments& parsed) {
  auto held = hold_settled_running_or_not(name_in(parsed));
  if (!held) return fail_with(context, held.error(), kApplyImpossible);
  const int code = discard(context, parsed, *held);
  if (!parsed.has("--dry-run")) show_outside(*held);
  return code;
}

}  // namespace overpass::cli
