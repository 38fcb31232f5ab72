// SPDX-License-Identifier: MIT
//
// The table. A new subcommand is a file with its run function, a row here, and a section in
// man/overpass.1.

#include "cli/command.h"

#include "cli/check.h"
#include "cli/help.h"
#include "cli/mount.h"
#include "cli/status.h"
#include "cli/umount.h"
#include "config/nearest.h"

namespace overpass::cli {

namespace {

constexpr Command kCommands[] = {
    {"mount", "mount [OPTIONS] [SOURCE] MOUNTPOINT | mount [OPTIONS] NAME",
     "merge directories and mount the union", run_mount, help_mount},
    {"umount", "umount [--lazy] MOUNTPOINT|NAME...",
     "unmount unions and wait for their daemons to end", run_umount, help_umount},
    {"status", "status [--json] [MOUNTPOINT|NAME]",
     "list all mounts, or show what one does and why not more", run_status, help_status},
    {"check", "check [--repair] [OPTIONS] | check [--repair] [OPTIONS] NAME",
     "verify an upper directory that is not mounted, with its workdir", run_check, help_check},
    {"help", "help [COMMAND]", "show help", run_help, nullptr},
};

/// Says when what a command wrote did not arrive.
int flushed(Context& context, int code) {
  if (context.out.flush()) return code;
  const int failed = fail_with(context, {"standard output cannot be written",
                                         "the device may be full, or nothing reads the pipe"});
  return code == kSuccess ? failed : code;
}

int run_words(Context& context, const Arguments& arguments) {
  const std::string& first = arguments.front();
  if (const Command* command = find_command(context, first)) {
    return command->run(context, Arguments(arguments.begin() + 1, arguments.end()));
  }
  if (is_planned_command(first)) {
    return fail_with(context,
                     {"this version has no command " + config::in_quotes(first),
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

}  // namespace overpass::cli
