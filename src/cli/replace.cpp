// SPDX-License-Identifier: MIT
//
// The caller's program is not handed over: the keeper executes what lies at the path of its own.
// A process that sees the mount could otherwise have any program run outside of it.

#include "cli/replace.h"

#include <fcntl.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "base/number.h"
#include "cli/machine.h"
#include "cli/mounted.h"
#include "cli/read_rules.h"
#include "config/mount_options.h"
#include "config/validate.h"
#include "fuse/control.h"
#include "fuse/executed_daemon.h"
#include "fuse/replacement.h"
#include "fuse/status.h"
#include "sys/open.h"
#include "sys/process.h"
#include "sys/xattr.h"

namespace overpass::cli {

nlohmann::json status_of(BorrowedFd root) {
  const auto text = sys::get_long_xattr(sys::place_of(root), fuse::kStatusXattr);
  auto status = nlohmann::json::parse(text.value_or(""), nullptr, /*allow_exceptions=*/false);
  return status.is_object() ? status : nlohmann::json::object();
}

Problem why_not_replaced(const std::string& what, BorrowedFd root, Errno error) {
  const nlohmann::json survival = status_of(root).value("survives", nlohmann::json::object());
  const std::string refused = survival.value("not_replaced", "");
  switch (to_int(error)) {
    case ECANCELED:
      return {what + ": " + (refused.empty() ? "its daemon has died meanwhile" : refused), {}};
    case EOPNOTSUPP:
      return {what + ": it has no keeper",
              "mount with -o survive=on; this mount has to be unmounted"};
    case EBUSY:
      return {what + ": it is being replaced already", "wait a moment"};
    case EPERM:
      return {
          what + ": that is for root and for the user who mounted, in the namespaces of the daemon",
          "nsenter(1) enters them"};
    case E2BIG:
      return {what + ": the options are too long", "give fewer"};
    default:
      return {what + ": " + std::strerror(to_int(error)), {}};
  }
}

namespace {

/// The options of the call, in one text, once it is known that they can be read.
Expected<std::string> changes_of(const command_line::ParsedArguments& parsed) {
  std::string changes;
  for (const command_line::GivenFlag& flag : parsed.flags) {
    if (flag.name == "--replace") continue;
    if (flag.name != "--options") {
      return problem(std::string(flag.name) + " does not go with --replace",
                     "give options with -o");
    }
    config::OptionReader reader;
    if (auto ok = config::read_mount_options(reader, flag.value); !ok) {
      return std::unexpected(ok.error());
    }
    for (const config::RuleSource& source : reader.options().rules) {
      if (source.file.empty() || source.file.starts_with('/')) continue;
      return problem("the file of rules " + in_quotes(source.file) +
                         " is named by a path that another process reads",
                     "give it from '/' on");
    }
    if (!changes.empty()) changes += ',';
    changes += flag.value;
  }
  return changes;
}

Expected<config::Options> change(const config::Options& options, const std::string& changes) {
  config::OptionReader alone;
  if (auto ok = config::read_mount_options(alone, changes); !ok) return std::unexpected(ok.error());
  config::Options before = options;
  // Rules that are given stand in place of the others.
  if (!alone.options().rules.empty()) before.rules.clear();
  config::OptionReader reader(std::move(before));
  if (auto ok = config::read_mount_options(reader, changes); !ok) {
    return std::unexpected(ok.error());
  }
  config::Options after = reader.options();
  if (auto ok = config::validate(after, config::Source::CommandLine); !ok) {
    return std::unexpected(ok.error());
  }
  if (auto ok = read_rules(after); !ok) return std::unexpected(ok.error());
  return after;
}

}  // namespace

int replace_daemon(Context& context, const command_line::ParsedArguments& parsed) {
  if (parsed.operands.size() != 1) {
    return fail_with(
        context, {"--replace takes one mountpoint or NAME", "overpass mount --replace MOUNTPOINT"},
        kUsage);
  }
  const auto changes = changes_of(parsed);
  if (!changes) return fail_with(context, changes.error(), kUsage);
  const auto mountpoint = find_mount(context, parsed.operands.front());
  if (!mountpoint) return fail_with(context, mountpoint.error());
  const auto root = sys::open_path(mountpoint->c_str(), O_PATH | O_DIRECTORY);
  if (!root) {
    return fail_with(context,
                     {in_quotes(*mountpoint) + ": " + std::strerror(to_int(root.error())), {}});
  }
  const auto done = fuse::send_control(*root, fuse::kReplace, *changes);
  if (done) return kSuccess;
  const std::string what = "the daemon of " + in_quotes(*mountpoint) + " is not replaced";
  return fail_with(context, why_not_replaced(what, *root, done.error()));
}

bool takes_over(const Arguments& arguments) {
  return !arguments.empty() && arguments.front() == fuse::kTakeOverWord;
}

int run_take_over(Context& context, const Arguments& rest) {
  const bool is_whole = rest.size() >= 3;
  const auto handover = is_whole ? number_of<int>(rest[0]) : std::nullopt;
  const auto link = is_whole ? number_of<int>(rest[1]) : std::nullopt;
  const auto program = is_whole ? number_of<int>(rest[2]) : std::nullopt;
  if (!handover || !link || !program) {
    return fail_with(context,
                     {"the keeper of a mount calls the program like this, and nobody else",
                      "overpass mount --replace MOUNTPOINT"},
                     kUsage);
  }
  (void)UniqueFd(*program);  // It runs by now.
  // As its keeper is called: neither of the two counts as a user of the mount (sys/mount_users.h).
  sys::set_name("overpass");
  const auto served = context.serve_handover(UniqueFd(*handover), UniqueFd(*link), change);
  return served ? kSuccess : kFailure;
}

}  // namespace overpass::cli
