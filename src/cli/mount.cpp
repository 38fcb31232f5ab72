// SPDX-License-Identifier: MIT
//
// Reads the call, checks it, and serves: here with -f, else in a daemon whose readiness or problem
// this process waits for.

#include "cli/mount.h"

#include <iomanip>

#include "base/log.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/daemon.h"
#include "cli/help.h"
#include "cli/mount_call.h"
#include "cli/named_mount.h"
#include "config/nearest.h"
#include "config/option_table.h"
#include "config/validate.h"

namespace overpass::cli {

namespace {

void warn_of_unused(const config::Options& options) {
  if (options.context) log::warn("the security label of context= is not applied");
}

int serve(Context& context, const config::Options& options) {
  log::configure(log::Target::StandardError, options.debug);
  if (auto ok = open_standard_streams(); !ok) return fail_with(context, ok.error());
  warn_of_unused(options);
  const auto served = options.foreground ? context.serve(options, [] {})
                                         : serve_in_background(options, context.serve);
  if (!served) return fail_with(context, served.error());
  return kSuccess;
}

int mount(Context& context, const ParsedArguments& parsed) {
  const auto name = find_mount_name(parsed);
  if (!name) return fail_with(context, name.error(), kUsage);
  std::optional<config::Options> named;
  if (*name) {
    auto loaded = load_named_mount(context, **name);
    if (!loaded) return fail_with(context, loaded.error());
    named = std::move(*loaded);
  }
  auto options = read_mount_call(parsed, named);
  if (!options) return fail_with(context, options.error(), kUsage);
  if (auto ok = config::validate(*options); !ok) return fail_with(context, ok.error(), kUsage);
  return serve(context, *options);
}

/// How an option of the table is written in -o, for help: "lowerdir=DIR", "ro|rw".
std::string spelling(const config::OptionEntry& entry) {
  std::string text(entry.name);
  if (!entry.negation.empty()) text += "|" + std::string(entry.negation);
  if (entry.kind != config::Kind::Flag || !entry.argument.empty()) {
    text += "=" + std::string(entry.argument);
  }
  return text;
}

}  // namespace

int run_mount(Context& context, const Arguments& arguments) {
  auto parsed = parse_arguments(arguments, mount_flags());
  if (!parsed) return fail_with(context, parsed.error(), kUsage);
  if (parsed->has("--help")) return run_help(context, {"mount"});
  if (parsed->has("--version")) return print_version(context);
  return mount(context, *parsed);
}

int run_bare_mount(Context& context, const Arguments& arguments) {
  auto parsed = parse_arguments(arguments, mount_flags());
  if (!parsed) return fail_with(context, parsed.error(), kUsage);
  if (parsed->has("--help")) return run_help(context, {});
  if (parsed->has("--version")) return print_version(context);
  const bool is_one_word = parsed->flags.empty() && parsed->operands.size() == 1 &&
                           parsed->operands.front().find('/') == std::string::npos;
  if (!is_one_word) return mount(context, *parsed);
  std::vector<std::string_view> names;
  for (const Command& command : commands()) names.push_back(command.name);
  const std::string& word = parsed->operands.front();
  return fail_with(context,
                   {"unknown command " + config::in_quotes(word),
                    config::suggest(word, names, "'overpass help' shows the commands")},
                   kUsage);
}

void help_mount(std::ostream& out) {
  out << "\nWithout lower directories the argument is a NAME from overpass.toml.\n\n";
  print_flags(out, mount_flags());
  out << "\nMount options (-o):\n";
  for (const config::OptionEntry& entry : config::option_table()) {
    if (entry.name.empty()) continue;
    const std::string left = spelling(entry);
    out << "  " << std::left << std::setw(28) << left;
    if (left.size() > 28) out << "\n" << std::setw(30) << "";
    out << " " << entry.help << "\n";
  }
  out << "\nOptions of mount(8), fstab(5), kernel overlayfs and fuse-overlayfs are taken or "
         "passed\n"
         "over, or refused with the reason; overpass(1) lists them.\n";
}

}  // namespace overpass::cli
