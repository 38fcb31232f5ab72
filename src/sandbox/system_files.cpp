// SPDX-License-Identifier: MIT
//
// /dev, /sys and /proc of a sandbox.

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/id_map.h"
#include "base/nearest.h"
#include "sandbox/view.h"
#include "sys/directory_stream.h"
#include "sys/mount_tree.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::sandbox {

namespace {

/// Devices that have no state and lead nowhere.
constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom", "tty"};

struct Link {
  const char* name;
  const char* target;
};
constexpr Link kLinks[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
                           {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
                           {"core", "/proc/kcore"},       {"ptmx", "pts/ptmx"}};

constexpr uint64_t kReadOnly =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

Result<void> bind_device(BorrowedFd directory, const std::string& device, const std::string& place,
                         const char* name) {
  const UniqueFd tree = TRY(sys::clone_mount(device, sys::Whole::No));
  // A device is written to all the same; its owner, mode and times, which are the machine's, are
  // not.
  TRY(sys::restrict_tree(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  TRY(sys::open_at(directory, name, O_RDONLY | O_CREAT | O_EXCL, 0666));
  return sys::attach_mount(tree, place + "/" + name);
}

Result<void> fill_devices(const std::string& place, const std::string& terminal) {
  TRY(sys::mount_new("tmpfs", place, MS_NOSUID | MS_NOEXEC, "mode=755"));
  const UniqueFd directory = TRY(sys::open_path(place.c_str(), O_RDONLY | O_DIRECTORY));
  for (const char* name : kDevices) {
    TRY(bind_device(directory, std::string("/dev/") + name, place, name));
  }
  for (const Link& link : kLinks) TRY(sys::make_symlink(directory, link.name, link.target));
  TRY(sys::make_directory(directory, "pts", 0755));
  TRY(sys::mount_new("devpts", place + "/pts", MS_NOSUID | MS_NOEXEC,
                     "newinstance,ptmxmode=0666,mode=620"));
  TRY(sys::make_directory(directory, "shm", 0755));
  TRY(sys::mount_new("tmpfs", place + "/shm", MS_NOSUID | MS_NODEV, "mode=1777"));
  // Where ttyname(3) finds a terminal that is not one of the sandbox's own.
  if (!terminal.empty()) (void)bind_device(directory, terminal, place, "console");
  return {};
}

Result<void> show_sys(const std::string& place) {
  auto tree = sys::clone_mount("/sys", sys::Whole::Yes);
  if (tree.failed_with(ENOENT)) return {};
  const UniqueFd all = TRY(std::move(tree));
  TRY(sys::restrict_tree(all, kReadOnly));
  return sys::attach_mount(all, place);
}

Result<void> protect(const std::string& place) {
  auto tree = sys::clone_mount(place, sys::Whole::No);
  if (tree.failed_with(ENOENT)) return {};
  const UniqueFd part = TRY(std::move(tree));
  TRY(sys::restrict_tree(part, kReadOnly));
  return sys::attach_mount(part, place);
}

/// Whether files of the machine's superuser are files of somebody in this user namespace.
Result<bool> has_id_of_superuser(BorrowedFd proc) {
  return TRY(sys::stat(sys::place_of(proc))).stx_uid != IdMap::kOverflow;
}

/// All but the directories of processes. The superuser's id may write there, whatever capabilities
/// a process has; and a mode that is changed there is changed in each procfs.
Result<void> protect_machine(const std::string& place) {
  const UniqueFd proc = TRY(sys::open_path(place.c_str(), O_RDONLY | O_DIRECTORY));
  if (!TRY(has_id_of_superuser(proc))) return {};
  std::vector<std::string> parts;
  TRY(sys::for_each_entry(proc, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    const bool is_process = entry.name[0] >= '0' && entry.name[0] <= '9';
    if (is_process || entry.type == DT_LNK) return {};
    parts.push_back(place + "/");
    parts.back() += entry.name;
    return {};
  }));
  for (const std::string& part : parts) TRY(protect(part));
  return {};
}

std::unexpected<Problem> cannot_mount(const char* what, Errno error) {
  return problem(
      std::string("the sandbox can have no ") + what + ": " + std::strerror(to_int(error)),
      "a container may forbid it; run it outside, or give the container more rights");
}

}  // namespace

Expected<void> mount_devices(const std::string& view, const std::string& terminal) {
  if (auto filled = fill_devices(view + "/dev", terminal); !filled) {
    return cannot_mount("/dev", filled.error());
  }
  if (auto shown = show_sys(view + "/sys"); !shown) return cannot_mount("/sys", shown.error());
  return {};
}

Expected<void> mount_proc(const std::string& view) {
  const std::string place = view + "/proc";
  if (auto mounted = sys::mount_new("proc", place, MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
      !mounted) {
    return cannot_mount("/proc", mounted.error());
  }
  if (auto done = protect_machine(place); !done) return cannot_mount("/proc", done.error());
  return {};
}

}  // namespace overpass::sandbox
