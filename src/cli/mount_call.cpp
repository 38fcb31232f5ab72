// SPDX-License-Identifier: MIT
//
// The arguments are read twice when they name a mount: once to see that they give no lowers, once
// over what the file says, so that they win.

#include "cli/mount_call.h"

#include <filesystem>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/named_mount.h"
#include "config/mount_options.h"
#include "config/option_reader.h"
#include "config/option_table.h"

namespace overpass::cli {

namespace {

using config::OptionReader;

using command_line::GivenFlag;
using command_line::Value;

constexpr command_line::Flag kLayerFlags[] = {
    {"--lower", '\0', "DIR", "a lower directory, topmost first; may be repeated", Value::Directory},
    {"--data", '\0', "DIR", "a directory that only gives data to metacopies; may be repeated",
     Value::Directory},
    {"--upper", '\0', "DIR", "the directory that receives every change", Value::Directory},
    {"--work", '\0', "DIR", "scratch directory on the upper's file system", Value::Directory},
    {"--options", 'o', "OPTS", "mount options, separated by commas; may be repeated",
     Value::MountOptions},
};

constexpr command_line::Flag kDaemonFlags[] = {
    {"--foreground", 'f', "", "stay in the foreground, log to standard error"},
    {"--debug", 'd', "", "-f, and log every request"},
    {"--recover", '\0', "", "first take away a union that is left there and whose daemon is dead"},
    {"--replace", '\0', "",
     "let the daemon of a mounted union (survive=on) make way for the program as it is on disk"},
    {"--single-thread", 's', "", "as -o threads=1"},
    {"--dry-run", '\0', "", "read and check the call, and mount nothing"},
    {"--no-mtab", 'n', "", "no effect: mount(8) gives it to its helpers"},
    {"--verbose", 'v', "", "no effect, likewise"},
    command_line::kHelpFlag,
    {"--version", 'V', "", "show the version"},
};

constexpr command_line::FlagGroup kGroups[] = {{"Layers and options", kLayerFlags},
                                               {"Daemon", kDaemonFlags}};

constexpr command_line::Example kExamples[] = {
    {"overpass mount --lower /usr --upper upper --work work merged",
     "A view of /usr in ./merged. Changes go to ./upper."},
    {"overpass mount --lower /srv/a --lower /srv/b -o ro merged",
     "Two directories as one, read-only."},
    {"overpass mount sandbox", "The mount [mount.sandbox] of overpass.toml."},
};

/// The spelling in -o of the option that a flag of the command line stands for.
std::string_view option_of(std::string_view flag) {
  if (flag == "--lower") return "lowerdir+";
  if (flag == "--data") return "datadir+";
  if (flag == "--upper") return "upperdir";
  if (flag == "--work") return "workdir";
  if (flag == "--single-thread") return "threads";
  return "";
}

Expected<void> read_flag(OptionReader& reader, const GivenFlag& flag) {
  if (flag.name == "--options") return config::read_mount_options(reader, flag.value);
  if (flag.name == "--debug") reader.options().debug = true;
  if (flag.name == "--foreground") reader.options().foreground = true;
  const config::FoundOption option = config::find_option(option_of(flag.name));
  if (option.entry == nullptr) return {};
  return reader.take(*option.entry, flag.name, flag.name == "--single-thread" ? "1" : flag.value);
}

Expected<void> read_flags(OptionReader& reader, const ParsedArguments& parsed) {
  for (const GivenFlag& flag : parsed.flags) {
    if (auto ok = read_flag(reader, flag); !ok) return ok;
  }
  return {};
}

/// A path as it will still be right when the daemon has left the current directory.
Expected<void> make_absolute(std::string& path) {
  if (path.empty() || path.front() == '/') return {};
  std::error_code error;
  const auto current = std::filesystem::current_path(error);
  if (error) {
    return problem("the relative path " + in_quotes(path) +
                       " cannot be resolved: the current directory is " + error.message(),
                   "use absolute paths");
  }
  path = (current / path).string();
  return {};
}

}  // namespace

constexpr command_line::Command kMountCommand = {
    .name = "mount",
    .synopsis =
        "overpass mount [OPTIONS] [SOURCE] MOUNTPOINT\n"
        "overpass mount [OPTIONS] NAME [MOUNTPOINT]\n"
        "overpass mount --replace [-o OPTS] MOUNTPOINT|NAME",
    .summary = "merge directories and mount the union",
    .description = "Without lower directories the argument is a NAME from overpass.toml.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = Value::Mount,
    .help_call = "overpass help mount",
};

Expected<std::optional<std::string>> find_mount_name(const ParsedArguments& parsed) {
  OptionReader reader;
  if (auto ok = read_flags(reader, parsed); !ok) return std::unexpected(ok.error());
  if (!reader.options().lower.empty()) return std::nullopt;
  if (parsed.operands.empty() || !may_be_name(parsed.operands.front())) {
    return problem("no lower directory is given", "add --lower DIR or -o lowerdir=DIR");
  }
  return parsed.operands.front();
}

Expected<config::Options> read_mount_call(const ParsedArguments& parsed,
                                          const std::optional<config::Options>& named) {
  if (parsed.operands.size() > 2) {
    return problem("too many arguments: " + in_quotes(parsed.operands[2]),
                   "options come after '-o' or begin with '--'");
  }
  OptionReader reader(named.value_or(config::Options{}));
  if (auto ok = read_flags(reader, parsed); !ok) return std::unexpected(ok.error());
  config::Options& options = reader.options();
  const bool has_two = parsed.operands.size() == 2;
  // A sole operand is the NAME, or else the mountpoint.
  if (has_two || (!named && !parsed.operands.empty())) options.mountpoint = parsed.operands.back();
  if (has_two && !named && !options.fsname) options.fsname = parsed.operands.front();
  if (options.debug) options.foreground = true;
  return std::move(options);
}

Expected<void> resolve_paths(config::Options& options) {
  for (std::string& lower : options.lower) {
    if (auto ok = make_absolute(lower); !ok) return ok;
  }
  for (std::string& data : options.data_only) {
    if (auto ok = make_absolute(data); !ok) return ok;
  }
  for (config::RuleSource& rules : options.rules) {
    if (auto ok = make_absolute(rules.file); !ok) return ok;
  }
  if (options.upper) {
    if (auto ok = make_absolute(*options.upper); !ok) return ok;
  }
  if (options.rules_log) {
    if (auto ok = make_absolute(*options.rules_log); !ok) return ok;
  }
  if (options.work) {
    if (auto ok = make_absolute(*options.work); !ok) return ok;
  }
  return make_absolute(options.mountpoint);
}

}  // namespace overpass::cli
