// SPDX-License-Identifier: MIT
//
// The table. A new subcommand is a file with its table and run function, a row here, and a section
// in man/overpass.1.

#include "cli/command.h"

#include <optional>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/replace.h"
#include "command_line/completion.h"
#include "command_line/help.h"
#include "fuse/executed_daemon.h"

namespace overpass::cli {

namespace {

constexpr Command kCommands[] = {
    {&kMountCommand, run_mount},
    {&kUmountCommand, run_umount},
    {&kStatusCommand, run_status},
    {&kListCommand, run_list},
    {&kRunCommand, run_run, kRunFailed},
    {&kRmCommand, run_rm},
    {&kPruneCommand, run_prune},
    {&kSnapshotCommand, run_snapshot},
    {&kLogCommand, run_log},
    {&kRollbackCommand, run_rollback},
    {&kForkCommand, run_fork},
    {&kSquashCommand, run_squash},
    {&kVacuumCommand, run_vacuum},
    {&kExportCommand, run_export},
    {&kImportCommand, run_import},
    {&kRebaseCommand, run_rebase},
    {&kPathCommand, run_path},
    {&kAddLayerCommand, run_add_layer},
    {&kRefreshCommand, run_refresh},
    {&kDiffCommand, run_diff},
    {&kWhichCommand, run_which},
    {&kApplyCommand, run_apply},
    {&kUndoCommand, run_undo},
    {&kDiscardCommand, run_discard},
    {&kFsmonitorCommand, run_fsmonitor},  // Called by git.
    {&kCheckCommand, run_check},
    {&kRulesCommand, run_rules},
    {&kReportCommand, run_report},
    {&kCompletionCommand, run_completion},
    {&kVersionCommand, run_version},
    {&kHelpCommand, run_help},
};

/// Says when what a command wrote did not arrive.
int flushed(Context& context, int code) {
  if (context.out.flush()) return code;
  const int failed = fail_with(context, {"standard output cannot be written",
                                         "the device may be full, or nothing reads the pipe"});
  return code == kSuccess ? failed : code;
}

int run_command(Context& context, const Command& command, const Arguments& arguments) {
  const auto parsed = command_line::parse(arguments, *command.table);
  if (!parsed) return fail_with(context, parsed.error(), command.usage);
  if (parsed->has("--help")) {
    print_help(context.out, *command.table);
    return kSuccess;
  }
  return command.run(context, *parsed);
}

/// What the programs that complete and that check the manual pages ask for.
std::optional<int> run_hidden(Context& context, std::string_view first, const Arguments& rest) {
  if (first == command_line::kCompleteWord) return run_complete(context, rest);
  if (first == fuse::kTakeOverWord) return run_take_over(context, rest);
  if (first != command_line::kListingWord) return std::nullopt;
  for (const Command& command : context.commands) {
    context.out << command_line::listing_of(*command.table);
  }
  context.out << listing_of_mount_options();
  return kSuccess;
}

int run_words(Context& context, const Arguments& arguments) {
  const std::string& first = arguments.front();
  const Arguments rest(arguments.begin() + 1, arguments.end());
  const std::string name = first == "--version" || first == "-V" ? "version"
                           : first == "commit"                   ? "apply"
                                                                 : first;
  if (const Command* command = find_command(context, name)) {
    return run_command(context, *command, rest);
  }
  if (const auto code = run_hidden(context, first, rest)) return *code;
  if (is_planned_command(first)) {
    return fail_with(context,
                     {"this version has no command " + in_quotes(first),
                      "'overpass help' shows those it has; for a mount of this name: overpass "
                      "mount " +
                          first},
                     kUsage);
  }
  return run_bare_mount(context, arguments);
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

int run(Context& context, const Arguments& arguments) {
  context.commands = commands();
  if (arguments.empty()) {
    return fail_with(context, {"no arguments are given", "'overpass help' shows the commands"},
                     kUsage);
  }
  return flushed(context, run_words(context, arguments));
}

int run_as(Context& context, std::string_view program, const Arguments& arguments) {
  context.commands = commands();
  const std::string_view name = program.substr(program.rfind('/') + 1);
  if (name == "mount.overpass" || name == "mount.fuse.overpass") {
    return flushed(context, run_mount_helper(context, arguments));
  }
  if (name == "fuse-overlayfs") return flushed(context, run_fuse_overlayfs(context, arguments));
  return run(context, arguments);
}

}  // namespace overpass::cli
