// SPDX-License-Identifier: MIT
//
// Clones lie in a directory in memory, which only this mount namespace has.

#include "sandbox/lowers.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>

#include "sandbox/mount_plan.h"
#include "sys/file_io.h"
#include "sys/mount_tree.h"
#include "sys/mountinfo.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::sandbox {

namespace {

constexpr char kDirectory[] = "lowers";

}  // namespace

Result<void> cover(const std::string& place) {
  return sys::mount_new("tmpfs", place, MS_RDONLY | MS_NOSUID | MS_NODEV, "mode=755,size=4k");
}

Lowers::Lowers(const Sandbox& sandbox) : sandbox_(sandbox) {
  const auto mountinfo = sys::read_file("/proc/self/mountinfo");
  sys::for_each_mount(mountinfo.value_or(""), [&](const sys::MountLine& line) {
    mounts_.push_back(sys::without_escapes(line.mountpoint));
  });
  std::ranges::sort(mounts_);
}

Result<std::string> Lowers::find(const std::string& path) {
  if (!sys::clone_mount(path, sys::Whole::No).failed_with(EINVAL)) return path;
  if (count_ == 0) TRY(prepare());
  const std::string clone = place() + "/" + std::to_string(++count_);
  TRY(sys::make_directory(BorrowedFd{AT_FDCWD}, clone.c_str(), 0700));
  const UniqueFd tree = TRY(sys::clone_mount(path, sys::Whole::Yes));
  TRY(sys::attach_mount(tree, clone));
  TRY(cover_mounts(path, clone));
  return clone;
}

std::string Lowers::place() const { return sandbox_.path() + "/" + kDirectory; }

Result<void> Lowers::prepare() const {
  TRY(sandbox_.make_directory(kDirectory, 0700));
  return sys::mount_new("tmpfs", place(), MS_NOSUID | MS_NODEV, "mode=700,size=1m");
}

Result<void> Lowers::cover_mounts(const std::string& path, const std::string& clone) const {
  const UniqueFd root = TRY(sys::open_path(clone.c_str(), O_PATH | O_DIRECTORY));
  std::string covered;
  for (const std::string& mount : mounts_) {
    if (mount == path || !is_at_or_below(mount, path)) continue;
    if (!covered.empty() && is_at_or_below(mount, covered)) continue;
    const std::string below = path_below(mount, path);
    // What lies below another mount cannot be found. A file that is mounted on a file stays.
    if (!sys::open_beneath(root, below.c_str() + 1, O_PATH | O_DIRECTORY)) continue;
    TRY(cover(clone + below));
    covered = mount;
  }
  return {};
}

}  // namespace overpass::sandbox
