// SPDX-License-Identifier: MIT
//
// Help, version, and the words of commands to come. What a command takes is in its own table; mount
// options are in that of config.

#include <algorithm>
#include <iterator>

#include "base/nearest.h"
#include "cli/commands.h"
#include "command_line/help.h"
#include "config/option_table.h"

namespace overpass::cli {

namespace {

using command_line::Value;

/// Commands to come. A mount must not get used to such a NAME.
constexpr std::string_view kPlanned[] = {"shell", "top"};

constexpr command_line::Flag kFlags[] = {command_line::kHelpFlag};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

/// How an option of the table is written in -o, for help: "lowerdir=DIR", "ro|rw".
std::string spelling(const config::OptionEntry& entry) {
  std::string text(entry.name);
  if (!entry.negation.empty()) text += "|" + std::string(entry.negation);
  if (entry.kind != config::Kind::Flag || !entry.argument.empty()) {
    text += "=" + std::string(entry.argument);
  }
  return text;
}

void print_mount_options(std::ostream& out) {
  for (const config::OptionGroup& group : config::option_groups()) {
    out << "\nMount options (-o), " << group.title << ":\n";
    for (const config::OptionEntry& entry : group.options) {
      if (!entry.name.empty()) out << command_line::help_line(spelling(entry), entry.help);
    }
  }
  out << "\nOptions of mount(8), fstab(5), kernel overlayfs and fuse-overlayfs are taken or "
         "passed\n"
         "over, or refused with the reason; overpass(1) lists them.\n";
}

}  // namespace

constexpr command_line::Command kHelpCommand = {
    .name = "help",
    .synopsis = "overpass help [COMMAND...]",
    .summary = "show the commands, or the options of some",
    .description = "",
    .groups = kGroups,
    .examples = {},
    .operand = Value::Command,
    .help_call = "overpass help help",
};

bool is_planned_command(std::string_view name) {
  return std::ranges::find(kPlanned, name) != std::end(kPlanned);
}

std::string listing_of_mount_options() {
  std::string text;
  for (const config::OptionGroup& group : config::option_groups()) {
    for (const config::OptionEntry& entry : group.options) {
      if (entry.name.empty()) continue;
      text += "-o\t" + std::string(group.title) + "\t" + std::string(entry.name) + "\n";
    }
  }
  return text;
}

void print_help(std::ostream& out, const command_line::Command& command) {
  out << command_line::help_of_call(command) << command_line::help_of_flags(command);
  if (command.name == kMountCommand.name) print_mount_options(out);
  out << command_line::help_of_examples(command);
}

void print_overview(const Context& context) {
  std::ostream& out = context.out;
  out << "overpass merges directories into one, without writing to the lower ones.\n\n";
  for (const Command& command : context.commands) {
    std::string_view synopsis = command.table->synopsis;
    while (!synopsis.empty()) {
      const size_t end = std::min(synopsis.find('\n'), synopsis.size());
      out << "  " << synopsis.substr(0, end) << "\n";
      synopsis.remove_prefix(std::min(end + 1, synopsis.size()));
    }
    out << "      " << command.table->summary << "\n";
  }
  out << "  overpass -o lowerdir=A:B,upperdir=U,workdir=W MOUNTPOINT\n"
         "      as fuse-overlayfs is called\n"
         "\n'overpass help COMMAND' shows the options of a command; see also overpass(1).\n";
}

int run_help(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.empty()) print_overview(context);
  for (const std::string& name : parsed.operands) {
    const Command* command = find_command(context, name);
    if (command == nullptr && is_planned_command(name)) {
      return fail_with(
          context,
          {"this version has no command " + in_quotes(name), "'overpass help' shows those it has"},
          kUsage);
    }
    if (command == nullptr) {
      return fail_with(
          context,
          {"unknown command " + in_quotes(name),
           suggest(name, command_names(context), "'overpass help' shows the commands")},
          kUsage);
    }
    print_help(context.out, *command->table);
  }
  return kSuccess;
}

}  // namespace overpass::cli
