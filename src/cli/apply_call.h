// SPDX-License-Identifier: MIT
//
// What `overpass apply`, `undo` and `discard` have in common: the sandbox, its unions with their
// changes, and the parts of it that a call names.
//
// Of a sandbox that runs all that has been changed is frozen first, and what is carried out is that
// of the frozen layers alone. So it is what was shown and checked, whatever is written meanwhile.

#ifndef OVERPASS_CLI_APPLY_CALL_H_
#define OVERPASS_CLI_APPLY_CALL_H_

#include <string>
#include <vector>

#include "apply/carry_out.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "sandbox/record.h"
#include "sandbox/store.h"
#include "snapshots/held_sandbox.h"
#include "snapshots/index_links.h"

namespace overpass::cli {

/// The exit status of these commands.
enum ApplyExitCode : int {
  kApplyDone = 0,
  kApplyConflicts = 1,  ///< Nothing has been changed; also if the user says no.
  kApplyUsage = 2,
  kApplyImpossible = 3,
};

using snapshots::HeldSandbox;

/// The sandbox that the first operand names, or the last one.
std::string name_in(const ParsedArguments& parsed);

/// The paths of the call, absolute, without slashes around.
std::vector<std::string> paths_of(const ParsedArguments& parsed);

/// Of a sandbox that runs: freezes what has been changed, unless this call only looks (--dry-run),
/// and keeps directories in use what they are until show_outside(). Nothing for one that does not.
Expected<void> freeze_changes(HeldSandbox& held, const ParsedArguments& parsed);

/// After all has been done or nothing has: the sandbox shows what is outside. Waits until it does.
void show_outside(HeldSandbox& held);

/// The unions of the sandbox that have changes, with what `paths` name of these; all if there are
/// none. A Problem if nothing is changed there.
/// Names that only the index leads to get into the uppers, which changes nothing that is seen.
/// `is_frozen`: what the frozen layers change, without the uppers.
Expected<std::vector<apply::Part>> find_parts(const HeldSandbox& held,
                                              const std::vector<std::string>& paths,
                                              const snapshots::Watch& watch,
                                              bool is_frozen = false);

/// One list of what is selected, by paths from "/".
changes::List selected_of(const std::vector<apply::Part>& parts);

/// The words of a command for ask().
struct Question {
  std::string text;    ///< Without a question mark.
  std::string remedy;  ///< Where conflicts end the command.
};

/// Shows the changes, what will be lost and the conflicts, and has the user agree: by --yes, or on
/// a terminal. The exit status if the command ends here: with --dry-run, at a conflict, at a no.
std::optional<int> ask(Context& context, const ParsedArguments& parsed, const changes::List& list,
                       const apply::Prospect& prospect, const Question& question);

/// What prepare() calls: shows how far it is if standard error is a terminal, and ends it when the
/// user interrupts. REQUIRES: note_interruption().
std::function<Result<void>(size_t, size_t)> progress_of(Context& context);

/// Ends the line of progress_of().
void end_progress(Context& context);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_APPLY_CALL_H_
