// SPDX-License-Identifier: MIT
//
// `overpass undo`: takes back the last apply of a sandbox, or does again what was taken back.

#include <csignal>
#include <iostream>

#include "apply/carry_out.h"
#include "apply/own_texts.h"
#include "base/nearest.h"
#include "changes/layers.h"
#include "cli/apply_call.h"
#include "cli/commands.h"
#include "cli/diff_report.h"
#include "cli/diff_target.h"
#include "cli/interruption.h"
#include "cli/snapshot_watch.h"
#include "snapshots/live.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {
    {"--dry-run", 'n', "", "show what would be done, and do nothing"},
    {"--yes", 'y', "", "do not ask; needed where standard input is no terminal"},
    {"--force", '\0', "", "also replace and delete what was changed since the apply"},
    {"--redo", '\0', "", "apply again what the last undo took back"},
    {"--list", 'l', "", "list what can be undone, the last one first"},
    command_line::kHelpFlag,
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"overpass undo try1", "The outside as it was before 'overpass apply try1'."},
};

/// Directories above what was kept are in the layer for its sake alone: they have no stamp.
void leave_out_unstamped(changes::List& list, const apply::Stamps& stamps) {
  std::erase_if(list.changes, [&](const changes::Change& change) {
    return change.kind == changes::Kind::Modified && !change.before->directories.empty() &&
           !stamps.contains(change.old_path);
  });
}

/// The kept layer of one directory that was changed, over that directory.
Expected<apply::Part> open_kept(HeldSandbox& held, const apply::Done& done,
                                const apply::JournalPart& changed) {
  const std::string kept =
      held.sandbox.path() + "/" + done.directory + "/" + std::to_string(changed.directory);
  auto target = apply::Target::open(changed.target);
  if (!target) {
    return problem(in_quotes(changed.target) + " is not there any more", "mount it again");
  }
  if (sandbox::file_system_identity(changed.target) != changed.identity) {
    return problem("another file system is mounted at " + in_quotes(changed.target) + ", or none",
                   "mount what was there");
  }
  layer::LayerPaths paths;
  paths.lower = {changed.target};
  paths.upper = kept + "/upper";
  const DiffTarget one = {.unions = {{.place = "", .layers = paths, .changing_layers = 1}},
                          .paths = {},
                          .sandbox = "",
                          .compares_owners = changed.gives_owner,
                          .gone = {}};
  auto unions = compare(one, /*find_renames=*/false);
  if (!unions) return std::unexpected(unions.error());
  if (auto read = check_read(unions->front().list, without_slashes(changed.target)); !read) {
    return std::unexpected(read.error());
  }
  const auto stamps = sys::read_file(kept + "/base");
  apply::Part part = {.place = without_slashes(changed.target),
                      .directory = changed.directory,
                      .layers = std::move(unions->front().layers),
                      .changing_layers = 1,
                      .target = std::move(*target),
                      .all = std::move(unions->front().list),
                      .selected = {},
                      .is_whole = true,
                      .stamps = layer::decode_stamps(stamps.value_or("")),
                      .gives_owner = changed.gives_owner};
  leave_out_unstamped(part.all, part.stamps);
  part.selected = part.all;
  return part;
}

Expected<std::vector<apply::Part>> open_all_kept(HeldSandbox& held, const apply::Done& done) {
  std::vector<apply::Part> parts;
  for (const apply::JournalPart& changed : done.journal.parts) {
    auto part = open_kept(held, done, changed);
    if (!part) return std::unexpected(part.error());
    if (!part->selected.changes.empty()) parts.push_back(std::move(*part));
  }
  return parts;
}

int list_done(Context& context, const std::vector<apply::Done>& done) {
  for (size_t i = done.size(); i-- > 0;) {
    context.out << done[i].journal.created << "  " << done[i].journal.summary << "\n";
  }
  return kApplyDone;
}

int undo(Context& context, const ParsedArguments& parsed, HeldSandbox& held,
         const apply::Done& done) {
  const bool is_redo = parsed.has("--redo");
  auto parts = open_all_kept(held, done);
  if (!parts) return fail_with(context, parts.error(), kApplyImpossible);
  const changes::List list = selected_of(*parts);
  const std::string id = apply::new_id();
  auto prospect = apply::look_ahead(*parts, id, {.is_forced = parsed.has("--force")});
  const Question question = {is_redo ? "do this again" : "do this to take it back",
                             "put back what is in the way, or say --force"};
  if (const auto code = ask(context, parsed, list, prospect, question)) return *code;
  note_interruption({SIGINT, SIGTERM, SIGHUP});
  const apply::Call call = {.kind = is_redo ? apply::Kind::Redo : apply::Kind::Undo,
                            .id = id,
                            .summary = done.journal.summary,
                            .source = done.directory,
                            .is_forced = parsed.has("--force"),
                            .paths = {},
                            .drops = false,
                            .progress = progress_of(context),
                            .drop = nullptr};
  if (held.is_running) {
    auto ready = snapshots::hold_directories(held);
    if (!ready) return fail_with(context, ready.error(), kApplyImpossible);
  }
  const auto carried = apply::carry_out(held.sandbox, *parts, prospect, call);
  show_outside(held);
  end_progress(context);
  if (!carried) return fail_with(context, carried.error(), kApplyImpossible);
  const std::string own = apply::own_texts_of(held.sandbox, call.kind, id);
  if (!is_redo && !own.empty()) {
    context.err << "the sandbox's own of the texts that were merged is below " << in_quotes(own)
                << "\n";
  }
  return kApplyDone;
}

}  // namespace

constexpr command_line::Command kUndoCommand = {
    .name = "undo",
    .synopsis =
        "overpass undo [--yes] [--force] [--dry-run] [--redo] [NAME]\n"
        "overpass undo --list [NAME]",
    .summary = "take back the last apply of a sandbox",
    .description = "What was applied does not come back to the sandbox; --redo applies it again.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Sandbox,
    .help_call = "overpass help undo",
};

int run_undo(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() > 1) {
    return fail_with(context, {"undo takes one NAME", "the last apply is taken back as a whole"},
                     kApplyUsage);
  }
  auto held = hold_settled_running_or_not(name_in(parsed));
  if (!held) return fail_with(context, held.error(), kApplyImpossible);
  const bool is_redo = parsed.has("--redo");
  const auto done = apply::find_done(held->sandbox, is_redo ? "redo" : "undo");
  if (parsed.has("--list")) return list_done(context, done);
  if (done.empty()) {
    return fail_with(context,
                     {std::string("nothing of ") + in_quotes(held->sandbox.name()) +
                          (is_redo ? " was taken back" : " was applied"),
                      ""},
                     kApplyImpossible);
  }
  return undo(context, parsed, *held, done.back());
}

}  // namespace overpass::cli
