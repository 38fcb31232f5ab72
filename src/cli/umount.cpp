// SPDX-License-Identifier: MIT
//
// Unmounts by umount2(2) where that is permitted, else through fusermount3, and waits for the
// daemon: when this returns, the upper directory is free for the next mount.

#include "cli/umount.h"

#include <sys/mount.h>

#include <cstring>
#include <fstream>

#include "cli/arguments.h"
#include "cli/help.h"
#include "cli/mount_table.h"
#include "cli/process.h"
#include "cli/status_report.h"
#include "config/nearest.h"
#include "sys/mount_api.h"

namespace overpass::cli {

namespace {

constexpr int kDaemonEndTimeoutMs = 10000;

constexpr Flag kFlags[] = {
    {"--lazy", 'l', "", "detach now, end when the last user has gone"},
    {"--help", 'h', "", "show this help"},
};

std::unexpected<Problem> failed(const std::string& mountpoint, Errno error) {
  const std::string what = config::quoted(mountpoint);
  if (error == Errno{EBUSY}) {
    return problem(what + " is busy",
                   "'fuser -vm " + mountpoint + "' shows by whom; --lazy detaches it nevertheless");
  }
  return problem(what + " cannot be unmounted: " + std::strerror(to_int(error)),
                 "run it as the user who mounted it, or as root");
}

/// For a mount that an ordinary user made through fusermount3.
Expected<void> unmount_through_helper(const std::string& mountpoint, bool lazy) {
  std::vector<std::string> command = {"fusermount3", "-u", "-q"};
  if (lazy) command.emplace_back("-z");
  command.emplace_back("--");
  command.push_back(mountpoint);
  const auto status = run_program(command);
  if (!status) {
    return problem(
        "fusermount3 cannot be run: " + std::string(std::strerror(to_int(status.error()))),
        "install the package fuse3, or run this as root");
  }
  if (*status == 0) return {};
  return problem(config::quoted(mountpoint) + " is busy or another user's",
                 "'fuser -vm " + mountpoint + "' shows by whom it is used; --lazy detaches it");
}

Expected<void> unmount(const std::string& mountpoint, bool lazy) {
  const int flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
  const auto unmounted = sys::unmount(mountpoint.c_str(), flags);
  if (unmounted) return {};
  if (unmounted.failed_with(EPERM)) return unmount_through_helper(mountpoint, lazy);
  return failed(mountpoint, unmounted.error());
}

/// A handle on the daemon, or empty when it cannot be told (it is dead, or in another pid
/// namespace, where its number is somebody else's here).
UniqueFd find_daemon(const std::string& mountpoint) {
  const auto status = read_status(mountpoint);
  if (!status) return {};
  const auto pid = daemon_pid(*status);
  if (!pid) return {};
  auto process = open_process(*pid);
  if (!process) return {};
  std::string name;
  std::ifstream("/proc/" + std::to_string(*pid) + "/comm") >> name;
  if (name != "overpass") return {};
  return std::move(*process);
}

}  // namespace

int run_umount(Context& context, const Arguments& arguments) {
  const auto parsed = parse_arguments(arguments, kFlags);
  if (!parsed) return fail_with(context, parsed.error(), kUsage);
  if (parsed->has("--help")) return run_help(context, {"umount"});
  if (parsed->operands.size() != 1) {
    return fail_with(context, {"umount takes one mountpoint", "overpass umount MOUNTPOINT"},
                     kUsage);
  }
  const auto mountpoint = resolve_overpass_mount(parsed->operands.front());
  if (!mountpoint) return fail_with(context, mountpoint.error());
  const bool lazy = parsed->has("--lazy");
  const UniqueFd daemon = lazy ? UniqueFd() : find_daemon(*mountpoint);
  if (auto ok = unmount(*mountpoint, lazy); !ok) return fail_with(context, ok.error());
  if (daemon && !wait_for_end_of(daemon, kDaemonEndTimeoutMs).value_or(true)) {
    return fail_with(context,
                     {config::quoted(*mountpoint) + " is unmounted, but its daemon still runs",
                      "another mount namespace may hold the mount"});
  }
  return kSuccess;
}

void help_umount(std::ostream& out) {
  out << "\n";
  print_flags(out, kFlags);
}

}  // namespace overpass::cli
