// SPDX-License-Identifier: MIT
//
// By umount2(2) where that is permitted, else through fusermount3 or umount(8).

#include "cli/unmount.h"

#include <sys/mount.h>

#include <cstring>

#include "base/nearest.h"
#include "cli/process.h"
#include "cli/status_report.h"
#include "sys/mount_api.h"

namespace overpass::cli {

namespace {

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

}  // namespace

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

}  // namespace overpass::cli
