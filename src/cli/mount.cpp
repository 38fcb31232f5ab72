// SPDX-License-Identifier: MIT
//
// Reads the call, checks it, and serves: here with -f, else in a daemon whose readiness or problem
// this process waits for.

#include "cli/mount.h"

#include <functional>
#include <iomanip>

#include "base/log.h"
#include "cli/arguments.h"
#include "cli/daemon.h"
#include "cli/help.h"
#include "cli/mount_call.h"
#include "cli/named_mount.h"
#include "config/nearest.h"
#include "config/option_table.h"
#include "config/validate.h"
#include "layer/settle_format.h"

namespace overpass::cli {

namespace {

/// How a problem of the mount is told to who called.
using Teller = std::function<Problem(const Problem&)>;

void warn_of_unused(const config::Options& options) {
  if (options.context) log::warn("the security label of context= is not applied");
}

int serve(Context& context, const config::Options& options, const Teller& teller) {
  log::configure(log::Target::StandardError, options.debug);
  if (auto ok = open_standard_streams(); !ok) return fail_with(context, ok.error());
  warn_of_unused(options);
  const auto served = options.foreground ? context.serve(options, [] {})
                                         : serve_in_background(options, context.serve);
  if (!served) return fail_with(context, teller(served.error()));
  return kSuccess;
}

/// Whether the options make sense together.
Expected<void> check(const config::Options& options, config::Source source) {
  if (auto ok = config::validate(options, source); !ok) return ok;
  return layer::check_choice(options.format, options.upper.has_value());
}

int mount_given(Context& context, const ParsedArguments& parsed) {
  auto options = read_mount_call(parsed, std::nullopt);
  if (!options) return fail_with(context, options.error(), kUsage);
  if (auto ok = check(*options, config::Source::CommandLine); !ok) {
    return fail_with(context, ok.error(), kUsage);
  }
  if (auto ok = resolve_paths(*options); !ok) return fail_with(context, ok.error());
  return serve(context, *options, [](const Problem& problem) { return problem; });
}

int mount_named(Context& context, const ParsedArguments& parsed, const std::string& name,
                const NamedMount& named) {
  const Teller teller = [&](const Problem& problem) { return told_of(named, name, problem); };
  auto options = read_mount_call(parsed, named.options);
  if (!options) return fail_with(context, options.error(), kUsage);
  if (auto ok = check(*options, config::Source::File); !ok) {
    // The command line is wrong only if the file alone would do.
    config::Options alone = named.options;
    alone.mountpoint = options->mountpoint;
    const bool file_would_do = check(alone, config::Source::File).has_value();
    return fail_with(context, teller(ok.error()), file_would_do ? kUsage : kFailure);
  }
  if (auto ok = resolve_paths(*options); !ok) return fail_with(context, ok.error());
  return serve(context, *options, teller);
}

int mount(Context& context, const ParsedArguments& parsed) {
  const auto name = find_mount_name(parsed);
  if (!name) return fail_with(context, name.error(), kUsage);
  if (!*name) return mount_given(context, parsed);
  const auto named = load_named_mount(context, **name);
  if (!named) return fail_with(context, named.error());
  return mount_named(context, parsed, **name, *named);
}

int fail_for_word(Context& context, const std::string& word) {
  std::vector<std::string> mounts = known_mount_names(context);
  std::vector<std::string_view> known(mounts.begin(), mounts.end());
  for (const Command& command : context.commands) known.push_back(command.name);
  return fail_with(context,
                   {"no command and no mount is called " + config::in_quotes(word),
                    config::suggest(word, known, "'overpass help' shows the commands")},
                   kUsage);
}

/// A command line without lower directories that begins with a word: a NAME, or a command that is
/// misspelt.
int mount_word(Context& context, const ParsedArguments& parsed, const std::string& word) {
  const auto named = find_named_mount(context, word);
  if (!named) return fail_with(context, named.error());
  if (*named) return mount_named(context, parsed, word, **named);
  return fail_for_word(context, word);
}

/// Whether a first argument is nearly the name of a command.
bool is_nearly_command(const Context& context, const std::string& word) {
  return may_be_name(word) && config::find_nearest(word, command_names(context));
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
  if (!parsed) {
    // It may have options of another command.
    if (is_nearly_command(context, arguments.front()))
      return fail_for_word(context, arguments.front());
    return fail_with(context, parsed.error(), kUsage);
  }
  if (parsed->has("--help")) return run_help(context, {});
  if (parsed->has("--version")) return print_version(context);
  const auto name = find_mount_name(*parsed);
  if (name && *name) return mount_word(context, *parsed, **name);
  return mount(context, *parsed);
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
