// SPDX-License-Identifier: MIT
//
// Help is made from the command table and what each command adds.

#include "cli/help.h"

#include <iomanip>

#include "cli/command.h"
#include "config/nearest.h"

namespace overpass::cli {

namespace {

void print_overview(std::ostream& out) {
  out << "overpass merges directories into one, without writing to the lower ones.\n\n";
  for (const Command& command : commands()) {
    out << "  overpass " << command.synopsis << "\n      " << command.summary << "\n";
  }
  out << "  overpass -o lowerdir=A:B,upperdir=U,workdir=W MOUNTPOINT\n"
         "      as fuse-overlayfs is called\n"
         "  overpass --version\n"
         "\n'overpass help COMMAND' shows the options of a command; see also overpass(1).\n";
}

}  // namespace

int run_help(Context& context, const Arguments& arguments) {
  if (arguments.empty()) {
    print_overview(context.out);
    return kSuccess;
  }
  for (const std::string& name : arguments) {
    const Command* command = find_command(name);
    if (command == nullptr && is_planned_command(name)) {
      return fail_with(context,
                       {"this version has no command " + config::in_quotes(name),
                        "'overpass help' shows those it has"},
                       kUsage);
    }
    if (command == nullptr) {
      std::vector<std::string_view> names;
      for (const Command& known : commands()) names.push_back(known.name);
      return fail_with(context,
                       {"unknown command " + config::in_quotes(name),
                        config::suggest(name, names, "'overpass help' shows the commands")},
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
