// SPDX-License-Identifier: MIT
//
// Reads the call, checks it, and serves: here with -f, else in a daemon whose readiness or problem
// this process waits for.

#include <functional>

#include "base/log.h"
#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/make_directories.h"
#include "cli/mount_call.h"
#include "cli/named_mount.h"
#include "cli/read_rules.h"
#include "cli/recover.h"
#include "cli/replace.h"
#include "config/validate.h"
#include "layer/resolve_format.h"
#include "sys/supervisor.h"

namespace overpass::cli {

namespace {

/// How a problem of the mount is told to who called.
using Teller = std::function<Problem(const Problem&)>;

void warn_of_unused(const config::Options& options) {
  if (options.context) log::warn("the security label of context= is not applied");
}

/// Under a service manager that waits for it: the union is usable.
void tell_manager() {
  if (sys::tell_supervisor("READY=1")) return;
  log::warn("the service manager cannot be told that the union is usable (NOTIFY_SOCKET)");
}

int serve(Context& context, const ParsedArguments& parsed, const config::Options& options,
          const Teller& teller) {
  if (parsed.has("--dry-run")) return kSuccess;
  log::configure(log::Target::StandardError, options.debug);
  if (auto ok = open_standard_streams(); !ok) return fail_with(context, ok.error());
  warn_of_unused(options);
  if (parsed.has("--recover")) {
    if (auto ok = take_dead_unions_away(options.mountpoint); !ok) {
      return fail_with(context, ok.error());
    }
  }
  MadeDirectories made;
  if (auto ok = made.make(options); !ok) return fail_with(context, teller(ok.error()));
  const auto served = options.foreground ? context.serve(options, tell_manager)
                                         : serve_in_background(options, context.serve);
  if (!served) return fail_with(context, teller(served.error()));
  made.keep();
  return kSuccess;
}

/// Whether the options make sense together.
Expected<void> check(const config::Options& options, config::Source source) {
  if (auto ok = config::validate(options, source); !ok) return ok;
  return layer::check_choice(options.format, options.upper.has_value());
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
  if (auto ok = read_rules(*options); !ok) return fail_with(context, teller(ok.error()));
  return serve(context, parsed, *options, teller);
}

int mount(Context& context, const ParsedArguments& parsed) {
  if (parsed.has("--replace")) return replace_daemon(context, parsed);
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
  for (const Command& command : context.commands) known.push_back(command.table->name);
  return fail_with(context,
                   {"no command and no mount is called " + in_quotes(word),
                    suggest(word, known, "'overpass help' shows the commands")},
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
  return may_be_name(word) && find_nearest(word, command_names(context));
}

}  // namespace

int mount_given(Context& context, const ParsedArguments& parsed) {
  auto options = read_mount_call(parsed, std::nullopt);
  if (!options) return fail_with(context, options.error(), kUsage);
  if (auto ok = check(*options, config::Source::CommandLine); !ok) {
    return fail_with(context, ok.error(), kUsage);
  }
  if (auto ok = resolve_paths(*options); !ok) return fail_with(context, ok.error());
  if (auto ok = read_rules(*options); !ok) return fail_with(context, ok.error(), kUsage);
  return serve(context, parsed, *options, [](const Problem& problem) { return problem; });
}

int run_mount(Context& context, const ParsedArguments& parsed) {
  if (parsed.has("--version")) return run_version(context, {});
  return mount(context, parsed);
}

int run_bare_mount(Context& context, const Arguments& arguments) {
  const auto parsed = command_line::parse(arguments, kMountCommand);
  if (!parsed) {
    // It may have options of another command.
    const std::string& first = arguments.front();
    if (is_nearly_command(context, first)) return fail_for_word(context, first);
    return fail_with(context, parsed.error(), kUsage);
  }
  if (parsed->has("--help")) {
    print_overview(context);
    return kSuccess;
  }
  if (parsed->has("--version")) return run_version(context, {});
  const auto name = find_mount_name(*parsed);
  if (name && *name) return mount_word(context, *parsed, **name);
  return mount(context, *parsed);
}

}  // namespace overpass::cli
