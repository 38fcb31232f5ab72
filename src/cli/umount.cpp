// SPDX-License-Identifier: MIT
//
// Waits for the daemon: when this returns, the upper directory is free for the next mount.

#include <fstream>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/mounted.h"
#include "cli/process.h"
#include "cli/status_report.h"
#include "cli/unmount.h"
#include "sys/pidfd.h"

namespace overpass::cli {

namespace {

constexpr int kDaemonEndTimeoutMs = 10000;

constexpr command_line::Flag kFlags[] = {
    {"--lazy", 'l', "", "detach now, end when the last user has gone"},
    command_line::kHelpFlag,
};

constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

constexpr command_line::Example kExamples[] = {
    {"overpass umount merged", "Unmounts, and waits for the daemon to end."},
};

/// A handle on the daemon, or empty when it cannot be told (it is dead, or in another pid
/// namespace, where its number is another process's here).
UniqueFd find_daemon(const std::string& mountpoint) {
  const auto status = read_status(mountpoint);
  if (!status) return {};
  const auto pid = daemon_pid(*status);
  if (!pid) return {};
  auto process = sys::open_process(*pid);
  if (!process) return {};
  std::string name;
  std::ifstream("/proc/" + std::to_string(*pid) + "/comm") >> name;
  if (name != "overpass") return {};
  return std::move(*process);
}

Expected<void> unmount_one(const Context& context, const std::string& target, bool lazy) {
  const auto mountpoint = find_mount(context, target);
  if (!mountpoint) return std::unexpected(mountpoint.error());
  const UniqueFd daemon = lazy ? UniqueFd() : find_daemon(*mountpoint);
  if (auto ok = unmount(*mountpoint, lazy); !ok) return ok;
  if (daemon && !wait_for_end_of(daemon, kDaemonEndTimeoutMs).value_or(true)) {
    return problem(in_quotes(*mountpoint) + " is unmounted, but its daemon still runs",
                   "another mount namespace may hold the mount");
  }
  return {};
}

}  // namespace

constexpr command_line::Command kUmountCommand = {
    .name = "umount",
    .synopsis = "overpass umount [--lazy] MOUNTPOINT|NAME...",
    .summary = "unmount unions and wait for their daemons to end",
    .description =
        "A union is named by its mountpoint, by a path inside it, or by its NAME in "
        "overpass.toml.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Mounted,
    .help_call = "overpass help umount",
};

int run_umount(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.empty()) {
    return fail_with(context, {"umount needs a mountpoint or a NAME", "overpass umount MOUNTPOINT"},
                     kUsage);
  }
  int code = kSuccess;
  for (const std::string& target : parsed.operands) {
    const auto unmounted = unmount_one(context, target, parsed.has("--lazy"));
    if (!unmounted) code = fail_with(context, unmounted.error());
  }
  return code;
}

}  // namespace overpass::cli
