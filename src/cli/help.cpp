// SPDX-License-Identifier: MIT
//
// Help is made from the command table and what each command adds.

#include "cli/help.h"

#include <algorithm>
#include <iomanip>
#include <iterator>

#include "config/nearest.h"

namespace overpass::cli {

namespace {

/// Commands to come. A mount must not get used to such a NAME.
constexpr std::string_view kPlanned[] = {
    "run",  "diff",   "apply",  "undo",   "discard",   "snapshot", "fork", "rollback", "rebase",
    "log",  "squash", "vacuum", "export", "import",    "refresh",  "list", "rm",       "prune",
    "path", "which",  "rules",  "commit", "add-layer", "report",   "top"};

void print_overview(Context& context) {
  std::ostream& out = context.out;
  out << "overpass merges directories into one, without writing to the lower ones.\n\n";
  for (const Command& command : context.commands) {
    out << "  overpass " << command.synopsis << "\n      " << command.summary << "\n";
  }
  out << "  overpass -o lowerdir=A:B,upperdir=U,workdir=W MOUNTPOINT\n"
         "      as fuse-overlayfs is called\n"
         "  overpass --version\n"
         "\n'overpass help COMMAND' shows the options of a command; see also overpass(1).\n";
}

}  // namespace

const Command* find_command(const Context& context, std::string_view name) {
  const auto found = std::ranges::find(context.commands, name, &Command::name);
  return found == context.commands.end() ? nullptr : &*found;
}

std::vector<std::string_view> command_names(const Context& context) {
  std::vector<std::string_view> names;
  for (const Command& command : context.commands) names.push_back(command.name);
  return names;
}

bool is_planned_command(std::string_view name) {
  return std::ranges::find(kPlanned, name) != std::end(kPlanned);
}

int run_help(Context& context, const Arguments& arguments) {
  if (arguments.empty()) {
    print_overview(context);
    return kSuccess;
  }
  for (const std::string& name : arguments) {
    const Command* command = find_command(context, name);
    if (command == nullptr && is_planned_command(name)) {
      return fail_with(context,
                       {"this version has no command " + config::in_quotes(name),
                        "'overpass help' shows those it has"},
                       kUsage);
    }
    if (command == nullptr) {
      return fail_with(
          context,
          {"unknown command " + config::in_quotes(name),
           config::suggest(name, command_names(context), "'overpass help' shows the commands")},
          kUsage);
    }
    context.out << "overpass " << command->synopsis << "\n    " << command->summary << "\n";
    if (command->help != nullptr) command->help(context.out);
  }
  return kSuccess;
}

int print_version(Context& context) {
  context.out << "overpass " OVERPASS_VERSION "\n";
  return kSuccess;
}

}  // namespace overpass::cli
