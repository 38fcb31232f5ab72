// SPDX-License-Identifier: MIT
//
// Unmounts by umount2(2) where that is permitted, else through fusermount3 or umount(8), and waits
// for the daemon: when this returns, the upper directory is free for the next mount.

#include <sys/mount.h>

#include <cstring>
#include <fstream>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/mounted.h"
#include "cli/process.h"
#include "cli/status_report.h"
#include "sys/mount_api.h"
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

std::unexpected<Problem> is_busy(const std::string& mountpoint) {
  return problem(
      in_quotes(mountpoint) + " is busy",
      "'fuser -vm " + mountpoint + "' shows who uses it; --lazy detaches it nevertheless");
}

std::unexpected<Problem> cannot(const std::string& mountpoint, const std::string& why,
                                std::string remedy) {
  return problem(in_quotes(mountpoint) + " cannot be unmounted: " + why, std::move(remedy));
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

bool is_about_use(const std::string& output) { return output.find("busy") != std::string::npos; }

/// Why neither program could; both are set-user-ID root for this.
std::unexpected<Problem> neither_could(const std::string& mountpoint,
                                       const Result<FinishedProgram>& fusermount,
                                       const Result<FinishedProgram>& umount) {
  if (!fusermount && !umount) {
    return cannot(
        mountpoint,
        "fusermount3 cannot be run: " + std::string(std::strerror(to_int(fusermount.error()))),
        "install the package fuse3, or run this as root");
  }
  const std::string& said = fusermount ? fusermount->output : umount->output;
  const bool lacks_table = said.find("/etc/mtab") != std::string::npos &&
                           said.find("failed to open") != std::string::npos;
  return cannot(mountpoint, first_line(said),
                lacks_table ? "as root: ln -s /proc/self/mounts /etc/mtab"
                            : "run it as the user who mounted it, or as root");
}

/// For a mount that an ordinary user made through fusermount3. That one asks /etc/mtab who did;
/// where the file is missing, as in build chroots, umount(8) knows it from the kernel's table.
Expected<void> unmount_through_helper(const std::string& mountpoint, bool lazy) {
  std::vector<std::string> fusermount = {"fusermount3", "-u"}, umount = {"umount"};
  if (lazy) fusermount.emplace_back("-z"), umount.emplace_back("-l");
  for (auto* command : {&fusermount, &umount}) {
    command->emplace_back("--");
    command->push_back(mountpoint);
  }
  const auto first = run_program(fusermount);
  if (first && first->status == 0) return {};
  if (first && is_about_use(first->output)) return is_busy(mountpoint);
  const auto second = run_program(umount);
  if (second && second->status == 0) return {};
  if (second && is_about_use(second->output)) return is_busy(mountpoint);
  return neither_could(mountpoint, first, second);
}

Expected<void> unmount(const std::string& mountpoint, bool lazy) {
  const int flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
  const auto unmounted = sys::unmount(mountpoint.c_str(), flags);
  if (unmounted) return {};
  if (unmounted.failed_with(EPERM)) return unmount_through_helper(mountpoint, lazy);
  if (unmounted.failed_with(EBUSY)) return is_busy(mountpoint);
  if (unmounted.failed_with(EINVAL)) {
    return cannot(mountpoint, "the kernel sees no mountpoint there that this user may touch",
                  "another mount hides it, or it came from an outer user namespace");
  }
  return cannot(mountpoint, std::strerror(to_int(unmounted.error())),
                "run it as the user who mounted it, or as root");
}

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
