// SPDX-License-Identifier: MIT
//
// The command line that mount(8) gives to its helpers, turned into one of the mount command; and
// the exit status, which mount(8) hands on.

#include <fcntl.h>
#include <sched.h>

#include <algorithm>

#include "base/nearest.h"
#include "cli/commands.h"
#include "config/mount_options.h"
#include "sys/namespaces.h"

namespace overpass::cli {

namespace {

/// mount(8), EXIT STATUS.
enum HelperExitCode : int { kRefused = 1, kSystemError = 2, kMountFailed = 32 };

constexpr command_line::Flag kFlags[] = {
    {"--options", 'o', "OPTS", "mount options, separated by commas; may be repeated",
     command_line::Value::MountOptions},
    {"--types", 't', "TYPE", "overpass or fuse.overpass"},
    {"--fake", 'f', "", "read and check the call, and mount nothing"},
    {"--sloppy", 's', "", "leave out mount options that are not known"},
    {"--verbose", 'v', "", "say what was mounted, and which options were left out"},
    {"--no-mtab", 'n', "", "no effect: there is no /etc/mtab to write"},
    {"--namespace", 'N', "FILE", "mount in the mount namespace that FILE is",
     command_line::Value::File},
    command_line::kHelpFlag,
    {"--version", 'V', "", "show the version"},
};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};
constexpr command_line::Example kExamples[] = {
    {"mount -t overpass -o lowerdir=/srv/a:/srv/b overpass /srv/merged",
     "Two directories as one, read-only."}};

/// All texts after -o. Problems of the helper's own are those in which mount(8)'s words mean
/// something else than a new mount.
Expected<void> add_options(const ParsedArguments& parsed, std::vector<std::string>& options,
                           std::vector<std::string>& left_out) {
  for (const auto& flag : parsed.flags) {
    if (flag.name != "--options") continue;
    const auto written = config::split_mount_options(flag.value);
    if (!written) return std::unexpected(written.error());
    for (const config::WrittenOption& option : *written) {
      const bool is_left_out = parsed.has("--sloppy") && !config::is_mount_option(option.name);
      (is_left_out ? left_out : options).emplace_back(option.text);
    }
  }
  // With it mount(8) hands over what the mount table says, too: the reason is said first.
  const auto remount = std::ranges::find(options, "remount");
  if (remount != options.end()) std::iter_swap(options.begin(), remount);
  return {};
}

Expected<void> check_call(const ParsedArguments& parsed) {
  for (const auto& flag : parsed.flags) {
    if (flag.name != "--types" || flag.value == "overpass" || flag.value == "fuse.overpass") {
      continue;
    }
    return problem("the type " + in_quotes(flag.value) + " is not mounted by this helper",
                   "use -t overpass");
  }
  if (parsed.operands.size() == 2) return {};
  return problem("a source and a mountpoint are needed",
                 "mount -t overpass -o lowerdir=DIR SOURCE MOUNTPOINT");
}

Expected<void> enter_namespace(const ParsedArguments& parsed) {
  for (const auto& flag : parsed.flags) {
    if (flag.name != "--namespace") continue;
    const UniqueFd file(::open(flag.value.c_str(), O_RDONLY | O_CLOEXEC));
    if (file && sys::enter_namespaces(file, CLONE_NEWNS)) continue;
    return problem("the mount namespace " + in_quotes(flag.value) + " cannot be entered",
                   "that takes CAP_SYS_ADMIN, and a file such as /proc/PID/ns/mnt");
  }
  return {};
}

/// As the value of an option: what would end it is escaped.
std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == ',' || c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text;
}

/// The call of the mount command. The mount table shows the source as it was written, or mount -a
/// would not know the mount again and mount once more.
Arguments arguments_of(const ParsedArguments& parsed, const std::vector<std::string>& options) {
  Arguments arguments;
  for (const std::string& option : options) arguments.insert(arguments.end(), {"-o", option});
  const bool has_name =
      std::ranges::any_of(options, [](const auto& one) { return one.starts_with("fsname="); });
  if (!has_name) {
    arguments.insert(arguments.end(), {"-o", "fsname=" + escaped(parsed.operands[0])});
  }
  if (parsed.has("--fake")) arguments.emplace_back("--dry-run");
  arguments.emplace_back("--");
  arguments.insert(arguments.end(), parsed.operands.begin(), parsed.operands.end());
  return arguments;
}

int mount(Context& context, const ParsedArguments& parsed) {
  std::vector<std::string> options, left_out;
  if (auto ok = check_call(parsed); !ok) return fail_with(context, ok.error(), kRefused);
  if (auto ok = add_options(parsed, options, left_out); !ok) {
    return fail_with(context, ok.error(), kRefused);
  }
  if (auto ok = enter_namespace(parsed); !ok) return fail_with(context, ok.error(), kSystemError);
  const auto call = command_line::parse(arguments_of(parsed, options), kMountCommand);
  if (!call) return fail_with(context, call.error(), kRefused);
  if (const int code = run_mount(context, *call); code != kSuccess) {
    return code == kUsage ? kRefused : kMountFailed;
  }
  if (!parsed.has("--verbose")) return kSuccess;
  for (const std::string& option : left_out) {
    context.out << "mount.overpass: left out: " << option << "\n";
  }
  context.out << "mount.overpass: " << parsed.operands[0]
              << (parsed.has("--fake") ? " could be mounted on " : " mounted on ")
              << parsed.operands[1] << "\n";
  return kSuccess;
}

}  // namespace

constexpr command_line::Command kMountHelper = {
    .name = "mount.overpass",
    .synopsis = "mount.overpass SOURCE MOUNTPOINT [OPTIONS]",
    .summary = "mount a union on behalf of mount(8)",
    .description =
        "mount(8) calls it for the types overpass and fuse.overpass. Without lower\ndirectories in "
        "the options SOURCE is a NAME from overpass.toml.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Directory,
    .help_call = "mount.overpass --help",
};

int run_mount_helper(Context& context, const Arguments& arguments) {
  const auto parsed = command_line::parse(arguments, kMountHelper);
  if (!parsed) return fail_with(context, parsed.error(), kRefused);
  if (parsed->has("--help")) {
    print_help(context.out, kMountHelper);
    return kSuccess;
  }
  if (parsed->has("--version")) return run_version(context, {});
  return mount(context, *parsed);
}

}  // namespace overpass::cli
