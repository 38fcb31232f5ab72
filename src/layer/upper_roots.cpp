// SPDX-License-Identifier: MIT
//
// The clone is of the nearest directory that contains both.

#include "layer/upper_roots.h"

#include <fcntl.h>

#include <algorithm>

#include "base/log.h"
#include "sys/mount_api.h"
#include "sys/open.h"

namespace overpass::layer {

namespace {

/// The length of the path of the nearest directory that holds both, without its last slash.
size_t common_length(const std::string& one, const std::string& other) {
  size_t common = 0;
  const size_t shorter = std::min(one.size(), other.size());
  for (size_t i = 0; i < shorter && one[i] == other[i]; ++i) {
    if (one[i] == '/') common = i;
  }
  return common;
}

/// `directory`, reached below `clone`; nothing if another directory is there.
Result<UniqueFd> open_in_clone(BorrowedFd clone, const NamedDirectory& directory, size_t common) {
  const std::string below = directory.real_path.substr(common + 1);
  UniqueFd fd = TRY(sys::open_beneath(clone, below.c_str(), O_PATH | O_DIRECTORY));
  const sys::Stat found = TRY(sys::stat(sys::place_of(fd)));
  const bool is_same = found.stx_ino == directory.stat.stx_ino &&
                       sys::device_of(found) == sys::device_of(directory.stat);
  if (!is_same) return fail(ENOENT);
  return fd;
}

Result<UpperRoots> take_by_clone(const NamedDirectory& upper, const NamedDirectory& work,
                                 sys::AccessTimes times) {
  const size_t common = common_length(upper.real_path, work.real_path);
  const std::string parent = upper.real_path.substr(0, std::max<size_t>(common, 1));
  const UniqueFd fd = TRY(sys::open_path(parent.c_str(), O_PATH | O_DIRECTORY));
  const UniqueFd clone = TRY(sys::clone_tree(fd));
  if (times != sys::AccessTimes::OfTheMount) TRY(sys::set_access_times(clone, times));
  UpperRoots roots;
  roots.upper = TRY(open_in_clone(clone, upper, common));
  roots.work = TRY(open_in_clone(clone, work, common));
  return roots;
}

/// Without the privilege to choose: the log says whether it holds anyway.
void warn_of_access_times(const NamedDirectory& upper, sys::AccessTimes wanted) {
  const auto now = sys::access_times_of(upper.fd);
  if (now && *now == wanted) return;
  const char* option = wanted == sys::AccessTimes::Never      ? "noatime"
                       : wanted == sys::AccessTimes::Relative ? "relatime"
                                                              : "strictatime";
  log::warn(
      "%s does not apply to what the kernel reads for the union: access times there are those "
      "of the mount that upperdir %s is on, which this user may not change",
      option, quoted(upper.path).c_str());
}

}  // namespace

Expected<UpperRoots> take_upper_roots(const NamedDirectory& upper, const NamedDirectory& work,
                                      const LayerPaths& paths) {
  const bool is_covered = is_within(paths.mountpoint, upper.real_path);
  const bool chooses_times = paths.access_times != sys::AccessTimes::OfTheMount;
  if (is_covered || chooses_times) {
    auto cloned = take_by_clone(upper, work, paths.access_times);
    if (!cloned && chooses_times) {
      warn_of_access_times(upper, paths.access_times);
      cloned =
          is_covered ? take_by_clone(upper, work, sys::AccessTimes::OfTheMount) : std::move(cloned);
    }
    if (cloned) return std::move(*cloned);
    if (is_covered && paths.mountpoint != upper.real_path) {
      return problem("mountpoint " + quoted(paths.mountpoint) + " lies inside upperdir " +
                         quoted(*paths.upper),
                     "mount elsewhere, or as root");
    }
  }
  auto upper_fd = sys::reopen(upper.fd, O_PATH | O_DIRECTORY);
  auto work_fd = sys::reopen(work.fd, O_PATH | O_DIRECTORY);
  if (!upper_fd || !work_fd) return problem("upperdir " + quoted(*paths.upper) + " went away");
  return UpperRoots{std::move(*upper_fd), std::move(*work_fd)};
}

}  // namespace overpass::layer
