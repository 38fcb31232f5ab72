// SPDX-License-Identifier: MIT
//
// Words of mount options have octal escapes, as all words of the table; in upperdir= overlayfs also
// keeps the backslashes that the user wrote.

#include "layer/overlay_mounts.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <set>

#include "sys/directory_stream.h"
#include "sys/file_io.h"
#include "sys/mountinfo.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/proc.h"
#include "sys/stat.h"

namespace overpass::layer {

namespace {

std::string without_backslashes(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

void take_directory(std::vector<std::string>& directory, std::string_view name,
                    std::string_view option) {
  if (!option.starts_with(name)) return;
  const std::string given = sys::without_escapes(option.substr(name.size()));
  directory.push_back(given);
  if (const std::string plain = without_backslashes(given); plain != given) {
    directory.push_back(plain);
  }
}

/// Whether the server of a mount in the table may leave a question without an answer.
bool has_file_servers(std::string_view mountinfo) {
  constexpr std::array<std::string_view, 8> kServed = {"fuse", "nfs",  "cifs", "smb3",
                                                       "9p",   "ceph", "afs",  "autofs"};
  return sys::has_mount(mountinfo, [&](const sys::MountLine& line) {
    return std::ranges::any_of(kServed,
                               [&](std::string_view type) { return line.type.starts_with(type); });
  });
}

/// A directory that is looked for, and how its path ends.
struct Sought {
  sys::Stat stat;
  std::string real_path;
};

/// A mount namespace as one of its processes sees it.
struct Namespace {
  UniqueFd root;
  bool may_wait = false;  ///< No path in it can lead to a server that keeps us waiting.

  Result<UniqueFd> open(const std::string& path) const {
    auto fd = sys::open_known(root, path.c_str(), O_PATH);
    if (fd || !may_wait) return fd;
    return sys::open_in_root(root, path.c_str(), O_PATH);
  }
};

bool is_sought(const Namespace& space, const std::string& path, const Sought& sought) {
  const auto fd = space.open(path);
  if (!fd) return false;
  const auto found = sys::stat_without_asking(*fd);
  return found && found->stx_ino == sought.stat.stx_ino &&
         sys::device_of(*found) == sys::device_of(sought.stat);
}

/// Whether the relative path can be that of the directory: it began at the mounting process's
/// directory, which is unknown.
bool may_end_like(std::string_view path, const Sought& sought) {
  for (const std::string_view up : {"../", "./"}) {
    if (const size_t last = path.rfind(up); last != std::string_view::npos) {
      path.remove_prefix(last + up.size());
    }
  }
  return !path.empty() && sought.real_path.ends_with("/" + std::string(path));
}

bool is_same_moment(const statx_timestamp& a, const statx_timestamp& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/// Whether the root of the mount, which has the times of its upper, shows that it has another than
/// `upper`.
bool shows_another_upper(const Namespace& space, const OverlayMount& mount,
                         const sys::Stat& upper) {
  const auto fd = space.open(mount.mountpoint);
  const auto root = fd ? sys::stat_without_asking(*fd) : fail(fd.error());
  if (!root) return false;
  const std::string device =
      std::to_string(root->stx_dev_major) + ":" + std::to_string(root->stx_dev_minor);
  if (device != mount.device) return false;  // Something else is mounted over it.
  const auto asked = sys::stat(sys::place_of(*fd));
  return asked && !(is_same_moment(asked->stx_ctime, upper.stx_ctime) &&
                    is_same_moment(asked->stx_mtime, upper.stx_mtime));
}

/// The upper of a mount whose relative workdir is `work`, if `path` is that.
Result<sys::Stat> upper_beside(const Namespace& space, const OverlayMount& mount,
                               const std::string& path, const Sought& work) {
  if (path.starts_with("./") || path.find("../") != std::string::npos) return fail(EINVAL);
  const std::string begin = work.real_path.substr(0, work.real_path.size() - path.size());
  const std::string& upper = mount.upper.front();
  const UniqueFd fd =
      TRY(upper.starts_with('/') ? space.open(upper)
                                 : sys::open_path((begin + upper).c_str(), O_PATH | O_DIRECTORY));
  return sys::stat(sys::place_of(fd));
}

struct Pair {
  Sought upper;
  Sought work;
};

/// For paths relative to the directory of the process that mounted.
std::optional<OverlayUse> find_relative(const Namespace& space, const OverlayMount& mount,
                                        const Pair& pair) {
  for (const std::string& path : mount.upper) {
    if (path.starts_with('/') || !may_end_like(path, pair.upper)) continue;
    if (!shows_another_upper(space, mount, pair.upper.stat)) {
      return OverlayUse{mount.mountpoint, false};
    }
  }
  for (const std::string& path : mount.work) {
    if (path.starts_with('/') || !may_end_like(path, pair.work)) continue;
    const auto upper = upper_beside(space, mount, path, pair.work);
    if (upper && shows_another_upper(space, mount, *upper)) continue;
    if (upper.failed_with(ENOENT)) continue;
    return OverlayUse{mount.mountpoint, true};
  }
  return {};
}

std::optional<OverlayUse> find_in(const Namespace& space, const OverlayMount& mount,
                                  const Pair& pair) {
  for (const auto* given : {&mount.upper, &mount.work}) {
    for (const std::string& path : *given) {
      if (!path.starts_with('/')) continue;
      if (is_sought(space, path, pair.upper)) return OverlayUse{mount.mountpoint, false};
      if (is_sought(space, path, pair.work)) return OverlayUse{mount.mountpoint, true};
    }
  }
  return find_relative(space, mount, pair);
}

std::optional<OverlayUse> find_in_table(const std::string& process, bool is_own, const Pair& pair) {
  const auto table = sys::read_file(process + "/mountinfo");
  if (!table) return {};
  const auto mounts = overlay_mounts(*table);
  if (mounts.empty()) return {};
  auto root = sys::open_path((process + "/root").c_str(), O_PATH);
  if (!root) return {};
  const Namespace space{std::move(*root), is_own || !has_file_servers(*table)};
  for (const OverlayMount& mount : mounts) {
    if (auto use = find_in(space, mount, pair)) return use;
  }
  return {};
}

/// A path's link target; empty when it cannot be read.
std::string link_at(const std::string& path) {
  return sys::read_link({BorrowedFd{AT_FDCWD}, path.c_str()}).value_or("");
}

Result<Sought> sought(BorrowedFd directory) {
  return Sought{TRY(sys::stat(sys::place_of(directory))),
                link_at(sys::ProcPath(sys::place_of(directory)).c_str())};
}

}  // namespace

std::vector<OverlayMount> overlay_mounts(std::string_view mountinfo) {
  std::vector<OverlayMount> mounts;
  sys::for_each_mount(mountinfo, [&mounts](const sys::MountLine& line) {
    if (line.type != "overlay") return;
    OverlayMount mount{std::string(line.device), sys::without_escapes(line.mountpoint), {}, {}};
    for (std::string_view rest = line.super_options; !rest.empty();) {
      const std::string_view option = sys::cut_word(rest, ',');
      take_directory(mount.upper, "upperdir=", option);
      take_directory(mount.work, "workdir=", option);
    }
    if (!mount.upper.empty() && !mount.work.empty()) mounts.push_back(std::move(mount));
  });
  return mounts;
}

std::optional<OverlayUse> find_overlay_use(BorrowedFd upper, BorrowedFd work) {
  auto sought_upper = sought(upper);
  auto sought_work = sought(work);
  if (!sought_upper || !sought_work) return {};
  const Pair pair{std::move(*sought_upper), std::move(*sought_work)};
  if (auto own = find_in_table("/proc/self", true, pair)) return own;
  std::set<std::string> seen = {link_at("/proc/self/ns/mnt")};
  const auto processes = sys::open_path("/proc", O_RDONLY | O_DIRECTORY);
  if (!processes) return {};
  std::optional<OverlayUse> found;
  (void)sys::for_each_entry(*processes, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    if (entry.name.find_first_not_of("0123456789") != std::string_view::npos) return {};
    const std::string process = "/proc/" + std::string(entry.name);
    const std::string space = link_at(process + "/ns/mnt");
    if (space.empty() || !seen.insert(space).second) return {};
    found = find_in_table(process, false, pair);
    return found ? Result<void>(fail(ECANCELED)) : Result<void>();
  });
  return found;
}

}  // namespace overpass::layer
