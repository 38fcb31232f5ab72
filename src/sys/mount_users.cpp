// SPDX-License-Identifier: MIT
//
// If a bind mount gave a mount namespace a name, its root in the mount table is the text that
// readlink(2) gives for /proc/PID/ns/mnt.

#include "sys/mount_users.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/number.h"
#include "sys/directory_stream.h"
#include "sys/errno_result.h"
#include "sys/mountinfo.h"
#include "sys/open.h"
#include "sys/proc.h"
#include "sys/stat.h"

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 declares it for C only.
}

namespace overpass::sys {

namespace {

/// The entry looked for in mount tables.
struct Wanted {
  std::string device;       ///< "MAJOR:MINOR".
  std::string mount_space;  ///< "mnt:[NUMBER]"; empty: not looked for.

  bool is_in(std::string_view table) const {
    return has_mount(table, [this](const MountLine& line) {
      return line.device == device || (!mount_space.empty() && line.root == mount_space);
    });
  }
};

std::string text_of(dev_t device) {
  return std::to_string(major(device)) + ":" + std::to_string(minor(device));
}

/// Numbers of all processes, smallest first: those that began long ago mostly last longest.
Result<std::vector<pid_t>> all_processes(BorrowedFd proc) {
  std::vector<pid_t> found;
  TRY(for_each_entry(proc, [&](const DirectoryEntry& entry) -> Result<void> {
    if (const auto pid = number_of<pid_t>(entry.name)) found.push_back(*pid);
    return {};
  }));
  std::ranges::sort(found);
  return found;
}

}  // namespace

Result<MountedAt> mounted_at(const char* mountpoint) {
  const UniqueFd fd = TRY(open_path(mountpoint, O_PATH | O_DIRECTORY));
  const Stat stat = TRY(stat_without_asking(fd));
  return MountedAt{device_of(stat), unique_mount_id(stat)};
}

bool sees_all_mount_users() {
  // The tables of all users may be read, and the first process belongs to another user.
  return proc_is_of_this_place() && proc_has_own_numbers() &&
         checked(::faccessat(raw(proc()), "1/mountinfo", R_OK, 0)).has_value();
}

Result<std::optional<UniqueFd>> find_mount_user(dev_t device) {
  const UniqueFd processes = TRY(open_at(proc(), ".", O_RDONLY | O_DIRECTORY));
  Wanted wanted{text_of(device), {}};
  std::array<char, 64> link;
  const auto length = checked(::readlinkat(raw(proc()), "self/ns/mnt", link.data(), link.size()));
  if (length) wanted.mount_space.assign(link.data(), static_cast<size_t>(*length));
  const std::string own_name = TRY(read_proc("self/comm"));
  for (const pid_t pid : TRY(all_processes(processes))) {
    // Before its table is read, so that a number given to another process meanwhile does no harm.
    const auto fd = checked(::pidfd_open(pid, 0));
    if (fd.failed_with(ESRCH)) continue;
    UniqueFd process(TRY(fd));
    const std::string directory = std::to_string(pid);
    const auto name = read_proc(directory + "/comm");
    if (!name || *name == own_name) continue;
    const auto table = read_proc(directory + "/mountinfo");
    if (table && wanted.is_in(*table)) return std::optional(std::move(process));
  }
  return std::optional<UniqueFd>();
}

Result<std::optional<PropagationState>> propagation_of(dev_t device) {
  const std::string table = TRY(read_proc("self/mountinfo"));
  const std::string wanted = text_of(device);
  std::optional<PropagationState> found;
  for_each_mount(table, [&](const MountLine& line) {
    if (line.device != wanted) return;
    found.emplace();
    for (std::string_view rest = line.tags; !rest.empty();) {
      const std::string_view tag = cut_word(rest, ' ');
      found->shared = found->shared || tag.starts_with("shared:");
      found->slave = found->slave || tag.starts_with("master:");
      found->unbindable = found->unbindable || tag == "unbindable";
    }
  });
  return found;
}

Result<bool> has_mounted(dev_t device) {
  return Wanted{text_of(device), {}}.is_in(TRY(read_proc("self/mountinfo")));
}

}  // namespace overpass::sys
