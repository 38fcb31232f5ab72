// SPDX-License-Identifier: MIT
//
// The commands: what each takes, and the function that runs it. A function gets a command line that
// has been read, and returns the exit status.

#ifndef OVERPASS_CLI_COMMANDS_H_
#define OVERPASS_CLI_COMMANDS_H_

#include "cli/context.h"
#include "command_line/command.h"
#include "command_line/parse.h"

namespace overpass::cli {

using command_line::ParsedArguments;

extern const command_line::Command kMountCommand;
int run_mount(Context& context, const ParsedArguments& parsed);
/// A command line that begins with no command: a mount, as fuse-overlayfs and mount.fuse3 are
/// called.
int run_bare_mount(Context& context, const Arguments& arguments);

/// mount.overpass(8): a helper of mount(8).
extern const command_line::Command kMountHelper;
int run_mount_helper(Context& context, const Arguments& arguments);

/// The command line of fuse-overlayfs: a mount, never a command and never a NAME.
int run_fuse_overlayfs(Context& context, const Arguments& arguments);
/// Mounts what the call gives itself.
int mount_given(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kUmountCommand;
int run_umount(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kStatusCommand;
int run_status(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kListCommand;
int run_list(Context& context, const ParsedArguments& parsed);

/// The exit status of `overpass run` if the command was not run; otherwise it is the command's.
constexpr int kRunFailed = 125;

extern const command_line::Command kRunCommand;
int run_run(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kRmCommand;
int run_rm(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kPruneCommand;
int run_prune(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kSnapshotCommand;
int run_snapshot(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kLogCommand;
int run_log(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kRollbackCommand;
int run_rollback(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kForkCommand;
int run_fork(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kSquashCommand;
int run_squash(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kVacuumCommand;
int run_vacuum(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kExportCommand;
int run_export(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kImportCommand;
int run_import(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kRebaseCommand;
int run_rebase(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kPathCommand;
int run_path(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kApplyCommand;
int run_apply(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kUndoCommand;
int run_undo(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kDiscardCommand;
int run_discard(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kAddLayerCommand;
int run_add_layer(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kRefreshCommand;
int run_refresh(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kRulesCommand;
int run_rules(Context& context, const ParsedArguments& parsed);

/// The exit status of `overpass check`: a script has to tell what was found from what could not be
/// looked at.
enum CheckExitCode : int {
  kCheckClean = 0,
  kCheckFaults = 1,  ///< Warnings or errors remain.
  kCheckUsage = 2,
  kCheckImpossible = 3,  ///< It could not begin, or was interrupted.
};

extern const command_line::Command kCheckCommand;
int run_check(Context& context, const ParsedArguments& parsed);

/// The exit status of `overpass diff` and `overpass which`.
enum DiffExitCode : int {
  kDiffDone = 0,
  kDiffChanges = 1,  ///< With --exit-code; of `which`: the union shows no such name.
  kDiffUsage = 2,
  kDiffImpossible = 3,  ///< It could not begin, or something could not be read.
};

extern const command_line::Command kDiffCommand;
int run_diff(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kWhichCommand;
int run_which(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kFsmonitorCommand;
int run_fsmonitor(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kCompletionCommand;
int run_completion(Context& context, const ParsedArguments& parsed);
/// `overpass __complete WORD...`: candidates for the last word, for the scripts.
int run_complete(Context& context, const Arguments& words);

extern const command_line::Command kReportCommand;
int run_report(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kVersionCommand;
int run_version(Context& context, const ParsedArguments& parsed);

extern const command_line::Command kHelpCommand;
int run_help(Context& context, const ParsedArguments& parsed);

/// Prints the help of one command, with the mount options for those that take them.
void print_help(std::ostream& out, const command_line::Command& command);
void print_overview(const Context& context);

/// For tests/lint: a line for each mount option, "-o", its group and its name between tabs.
std::string listing_of_mount_options();

/// Whether later versions will have such a command. It is none of context.commands; until then it
/// must not be taken for the NAME of a mount.
bool is_planned_command(std::string_view name);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_COMMANDS_H_
