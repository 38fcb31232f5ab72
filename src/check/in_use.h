// SPDX-License-Identifier: MIT
//
// Whether kernel overlayfs has a directory as upper or workdir: it takes no lock that others can
// see, so the mount tables say it. (overpass locks both; see sys/lock_file.h.)

#ifndef OVERPASS_CHECK_IN_USE_H_
#define OVERPASS_CHECK_IN_USE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace overpass::check {

/// One overlay mount of a mount table.
struct OverlayMount {
  std::string mountpoint;
  std::vector<std::string> directories;  ///< Its upperdir and workdir, as given to mount(2).
};

/// The overlay mounts with an upper in the text of a /proc/PID/mountinfo.
std::vector<OverlayMount> overlay_mounts(std::string_view mountinfo);

/// The mountpoint of an overlay mount that uses the open directory, in any mount namespace that
/// this process may look into. A mount with relative paths counts when it may be meant.
std::optional<std::string> find_overlay_mount_of(BorrowedFd directory);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_IN_USE_H_
