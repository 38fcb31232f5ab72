// SPDX-License-Identifier: MIT
//
// `overpass apply`: carries what was changed in a sandbox to the outside.

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include "apply/carry_out.h"
#include "base/nearest.h"
#include "cli/apply_call.h"
#include "cli/apply_to.h"
#include "cli/commands.h"
#include "cli/diff_report.h"
#include "cli/drop_part.h"
#include "cli/merge.h"
#include "cli/pick.h"
#include "cli/question.h"
#include "cli/snapshot_watch.h"
#include "snapshots/live.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--dry-run", 'n', "", "show what would be done, and do nothing"},
    {"--yes", 'y', "", "do not ask; needed where standard input is no terminal"},
    {"--patch", 'p', "", "ask for each change, and each hunk of a text, whether it is wanted"},
    {"--merge", '\0', "", "merge texts that were changed outside meanwhile, too"},
    {"--to", '\0', "DIR", "change DIR instead of the outside", command_line::Value::Directory},
    {"--force", '\0', "", "also replace and delete what was changed outside meanwhile"},
    command_line::kHelpFlag,
};
constexpr command_line::Flag kResumeFlags[] = {
    {"--continue", '\0', "", "finish an apply that was interrupted"},
    {"--abort", '\0', "", "take back what an interrupted apply has done"},
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags},
                                               {"After an interruption", kResumeFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass apply", "Everything that the last sandbox has changed."},
    {"overpass apply try1 src README", "Only below src, and README."},
    {"overpass apply try1 -p", "Choose."},
    {"overpass apply try1 --merge", "With what was changed outside meanwhile."},
    {"overpass apply try1 --dry-run", "What would be done, and what is in the way."},
};

using apply::Phase;

std::function<Expected<void>(const apply::JournalPart&)> dropper(HeldSandbox& held) {
  return [&held](const apply::JournalPart& part) { return drop_part(held, part); };
}

/// The absolute path of --to; empty without it.
std::string directory_of(const ParsedArguments& parsed) {
  std::string path;
  for (const command_line::GivenFlag& flag : parsed.flags) {
    if (flag.name == "--to") path = flag.value;
  }
  std::error_code error;
  const auto real = std::filesystem::canonical(path, error);
  return error ? path : real.string();
}

Expected<std::vector<apply::Part>> find_parts_into(HeldSandbox& held,
                                                   const std::vector<std::string>& paths,
                                                   const std::string& to, bool is_frozen) {
  const auto source = source_of(held, paths);
  if (!source) return std::unexpected(source.error());
  return find_parts_to(held, *source, to, is_frozen);
}

/// Directories that are renamed outside go on being found in a sandbox that runs.
Expected<void> hold_renamed(const HeldSandbox& held, const std::vector<apply::Part>& parts) {
  for (const apply::Part& part : parts) {
    std::vector<std::string> moved;
    for (const changes::Change& change : part.selected.changes) {
      if (change.kind == changes::Kind::Renamed) moved.push_back(change.old_path);
    }
    const auto one = std::ranges::find(held.record.file_systems, part.directory,
                                       &sandbox::FileSystem::directory);
    if (moved.empty() || one == held.record.file_systems.end()) continue;
    if (auto done = snapshots::hold_moved(held, *one, moved); !done) return done;
  }
  return {};
}

/// With -p, has the user choose. The exit status if the command ends here.
std::optional<int> choose(Context& context, const ParsedArguments& parsed,
                          std::vector<apply::Part>& parts) {
  if (!parsed.has("--patch") || parts.empty()) return {};
  if (auto picked = pick(context, parts, directory_of(parsed).empty()); !picked) {
    return fail_with(context, picked.error(), kApplyImpossible);
  }
  if (!parts.empty()) return {};
  context.err << "overpass: nothing was chosen, and nothing has been changed\n";
  return kApplyConflicts;
}

/// With --merge, what the parts are to get of what is outside.
Expected<Merge> merge(const ParsedArguments& parsed, const HeldSandbox& held,
                      std::vector<apply::Part>& parts) {
  if (!parsed.has("--merge")) return Merge();
  return merge_texts(held, parts);
}

apply::Prospect look_ahead(const ParsedArguments& parsed, std::vector<apply::Part>& parts,
                           const std::string& id, const Merge& merge) {
  auto prospect = apply::look_ahead(parts, id, {.is_forced = parsed.has("--force")});
  explain_conflicts(prospect.conflicts, merge);
  return prospect;
}

std::string question_of(const changes::List& list) {
  return list.changes.empty() ? "leave files with both sides" : "apply " + counts_of(list);
}

std::string remedy_of(const ParsedArguments& parsed, const HeldSandbox& held) {
  if (parsed.has("--force")) return "correct the permissions";
  const bool may_merge = held.record.keeps_bases && !parsed.has("--merge");
  return std::string("name the paths that are wanted, or say ") +
         (may_merge ? "--merge or --force" : "--force");
}

/// After what could be merged was applied.
int conclude(Context& context, const Merge& merge) {
  return merge.overlaps.empty() ? kApplyDone : leave_conflict_files(context, merge.overlaps);
}

int carry(Context& context, const ParsedArguments& parsed, HeldSandbox& held,
          const std::vector<std::string>& paths) {
  const snapshots::Watch watch = interruptible_watch(context);
  const std::string to = directory_of(parsed);
  if (auto frozen = freeze_changes(held, parsed); !frozen) {
    return fail_with(context, frozen.error(), kApplyImpossible);
  }
  const bool is_frozen = held.is_running && !parsed.has("--dry-run");
  auto parts = to.empty() ? find_parts(held, paths, watch, is_frozen)
                          : find_parts_into(held, paths, to, is_frozen);
  if (!parts) return fail_with(context, parts.error(), kApplyImpossible);
  if (const auto code = choose(context, parsed, *parts)) return *code;
  const auto merged = merge(parsed, held, *parts);
  if (!merged) return fail_with(context, merged.error(), kApplyImpossible);
  const auto possible =
      to.empty() ? choose_layers(held, *parts, /*is_discarded=*/false) : Expected<void>();
  if (!possible) {
    return fail_with(context, possible.error(), kApplyImpossible);
  }
  const changes::List list = selected_of(*parts);
  if (list.changes.empty() && merged->overlaps.empty()) {
    context.err << "overpass: " << held.sandbox.name() << " has no changes\n";
    return kApplyDone;
  }
  const std::string id = apply::new_id();
  auto prospect = look_ahead(parsed, *parts, id, *merged);
  tell_merge(context, *merged);
  if (const auto code =
          ask(context, parsed, list, prospect, {question_of(list), remedy_of(parsed, held)})) {
    return *code == kApplyDone && !merged->overlaps.empty() ? kApplyConflicts : *code;
  }
  if (list.changes.empty()) return conclude(context, *merged);
  if (is_frozen && to.empty()) {
    if (auto ready = hold_renamed(held, *parts); !ready) {
      return fail_with(context, ready.error(), kApplyImpossible);
    }
  }
  const apply::Call call = {.kind = apply::Kind::Apply,
                            .id = id,
                            .summary = counts_of(list),
                            .source = "",
                            .is_forced = parsed.has("--force"),
                            .paths = paths,
                            .is_picked = parsed.has("--patch"),
                            .merges = parsed.has("--merge"),
                            .drops = to.empty(),
                            .progress = progress_of(context),
                            .drop = dropper(held)};
  const auto done = apply::carry_out(held.sandbox, *parts, prospect, call);
  end_progress(context);
  if (!done) return fail_with(context, done.error(), kApplyImpossible);
  context.err << "overpass: applied: " << counts_of(list) << "; 'overpass undo "
              << held.sandbox.name() << "' takes it back\n";
  return conclude(context, *merged);
}

int begin(Context& context, const ParsedArguments& parsed, HeldSandbox& held,
          const std::vector<std::string>& paths) {
  const int code = carry(context, parsed, held, paths);
  if (!parsed.has("--dry-run")) show_outside(held);
  return code;
}

int resume(Context& context, const ParsedArguments& parsed, HeldSandbox& held) {
  const auto found = apply::find_interrupted(held.sandbox);
  if (!found) return fail_with(context, found.error(), kApplyImpossible);
  if (!*found) {
    return fail_with(context,
                     {"no apply of " + in_quotes(held.sandbox.name()) + " was interrupted", ""},
                     kApplyImpossible);
  }
  const apply::Journal& journal = **found;
  const bool aborts = parsed.has("--abort");
  if (aborts && journal.phase == Phase::Published) {
    return fail_with(
        context,
        {"everything has been applied",
         "finish it with --continue, then 'overpass undo " + held.sandbox.name() + "'"},
        kApplyImpossible);
  }
  const bool has_begun = journal.phase != Phase::Preparing;
  const auto done = aborts || !has_begun ? apply::abandon(held.sandbox, journal)
                                         : apply::finish(held.sandbox, journal, dropper(held));
  show_outside(held);
  if (!done) return fail_with(context, done.error(), kApplyImpossible);
  if (aborts) {
    context.err << "overpass: the apply has been taken back\n";
    return kApplyDone;
  }
  const bool is_to_outside =
      std::ranges::all_of(journal.parts, [&](const apply::JournalPart& part) {
        return std::ranges::count(held.record.file_systems, part.target,
                                  &sandbox::FileSystem::base) > 0;
      });
  if (!has_begun && (journal.is_picked || journal.merges)) {
    context.err << "overpass: nothing had been applied; 'overpass apply "
                << (journal.is_picked ? "-p " : "--merge ") << held.sandbox.name() << "' "
                << (journal.is_picked ? "asks" : "merges") << " again\n";
    return kApplyDone;
  }
  if (!has_begun && journal.kind == apply::Kind::Apply && is_to_outside) {
    return begin(context, parsed, held, journal.paths);
  }
  context.err << "overpass: " << (has_begun ? "finished: " : "taken back: ") << journal.summary
              << "\n";
  return kApplyDone;
}

}  // namespace

constexpr command_line::Command kApplyCommand = {
    .name = "apply",
    .synopsis =
        "overpass apply [--yes] [--force] [--to DIR] [NAME [PATH...]]\n"
        "overpass apply --merge [--yes] [NAME [PATH...]]\n"
        "overpass apply -p [--force] [--to DIR] [NAME [PATH...]]\n"
        "overpass apply --dry-run [NAME [PATH...]]\n"
        "overpass apply --continue|--abort [NAME]",
    .summary = "carry what was changed in a sandbox to the outside",
    .description = "What has been applied is no change of the sandbox any more.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help apply",
};

int run_apply(Context& context, const ParsedArguments& parsed) {
  for (const char* other : {"--force", "--patch", "--to", "--continue", "--abort"}) {
    if (!parsed.has("--merge") || !parsed.has(other)) continue;
    return fail_with(
        context, {std::string("--merge and ") + other + " exclude each other", "say one of them"},
        kApplyUsage);
  }
  if (parsed.has("--patch")) {
    if (parsed.has("--yes")) {
      return fail_with(context, {"-p asks, and --yes says not to", "say one of them"}, kApplyUsage);
    }
    if (!is_on_terminal()) {
      return fail_with(context,
                       {"-p asks, and standard input and standard error are no terminal",
                        "name the paths that are wanted, and say --yes"},
                       kApplyUsage);
    }
  }
  const bool resumes = parsed.has("--continue") || parsed.has("--abort");
  auto held =
      resumes ? hold_running_or_not(name_in(parsed)) : hold_settled_running_or_not(name_in(parsed));
  if (!held) return fail_with(context, held.error(), kApplyImpossible);
  if (resumes) return resume(context, parsed, *held);
  return begin(context, parsed, *held, paths_of(parsed));
}

}  // namespace overpass::cli
