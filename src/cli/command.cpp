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

namespace overpass::cli {

namespace {

constexpr Command kCommands[] = {
    {"mount", "mount [OPTIONS] [SOURCE] MOUNTPOINT | mount [OPTIONS] NAME",
     "merge directories and mount the union", run_mount, help_mount},
    {"umount", "umount [--lazy] MOUNTPOINT", "unmount a union and wait for its daemon to end",
     run_umount, help_umount},
    {"status", "status [--json] MOUNTPOINT", "show what a running mount does, and why not more",
     run_status, help_status},
    {"check", "check [--repair] [OPTIONS] | check [--repair] [OPTIONS] NAME",
     "verify an upper directory that is not mounted, with its workdir", run_check, help_check},
    {"help", "help [COMMAND]", "show help", run_help, nullptr},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

int run(Context& context, const Arguments& arguments) {
  if (arguments.empty()) {
    return fail_with(context, {"no arguments are given", "'overpass help' shows the commands"},
                     kUsage);
  }
  if (const Command* command = find_command(arguments.front())) {
    return command->run(context, Arguments(arguments.begin() + 1, arguments.end()));
  }
  return run_bare_mount(context, arguments);
}

}  // namespace overpass::cli
