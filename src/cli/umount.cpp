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

std::unexpected<Problem> is_busy(const std::string& mountpoint) {
  return problem(config::in_quotes(mountpoint) + " is busy",
                 "'fuser -vm " + mountpoint + "' shows by whom; --lazy detaches it nevertheless");
}

std::unexpected<Problem> cannot(const std::string& mountpoint, const std::string& why) {
  return problem(config::in_quotes(mountpoint) + " cannot be unmounted: " + why,
                 "run it as the user who mounted it, or as root");
}

/// For a mount that an ordinary user made through fusermount3.
Expected<void> unmount_through_helper(const std::string& mountpoint, bool lazy) {
  std::vector<std::string> command = {"fusermount3", "-u"};
  if (lazy) command.emplace_back("-z");
  command.emplace_back("--");
  command.push_back(mountpoint);
  const auto finished = run_program(command);
  if (!finished) {
    return problem(
        "fusermount3 cannot be run: " + std::string(std::strerror(to_int(finished.error()))),
        "install the package fuse3, or run this as root");
  }
  if (finished->status == 0) return {};
  if (finished->output.find("busy") != std::string::npos) return is_busy(mountpoint);
  return cannot(mountpoint, finished->output.substr(0, finished->output.find('\n')));
}

Expected<void> unmount(const std::string& mountpoint, bool lazy) {
  const int flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
  const auto unmounted = sys::unmount(mountpoint.c_str(), flags);
  if (unmounted) return {};
  if (unmounted.failed_with(EPERM)) return unmount_through_helper(mountpoint, lazy);
  if (unmounted.failed_with(EBUSY)) return is_busy(mountpoint);
  return cannot(mountpoint, std::strerror(to_int(unmounted.error())));
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
                     {config::in_quotes(*mountpoint) + " is unmounted, but its daemon still runs",
                      "another mount namespace may hold the mount"});
  }
  return kSuccess;
}

void help_umount(std::ostream& out) {
  out << "\n";
  print_flags(out, kFlags);
}

}  // namespace overpass::cli
