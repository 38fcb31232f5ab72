// SPDX-License-Identifier: MIT
//
// Whether kernel overlayfs has a directory as upper or workdir: it takes no lock that others can
// see, so the mount tables say it. (overpass locks both; see sys/lock_file.h.)

#ifndef OVERPASS_LAYER_OVERLAY_MOUNTS_H_
#define OVERPASS_LAYER_OVERLAY_MOUNTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace overpass::layer {

/// One overlay mount of a mount table.
struct OverlayMount {
  std::string device;  ///< Of its superblock, "MAJOR:MINOR".
  std::string mountpoint;
  // As given to mount(2): every reading of the text, the likeliest first.
  std::vector<std::string> upper;
  std::vector<std::string> work;
};

/// The overlay mounts with an upper in the text of a /proc/PID/mountinfo.
std::vector<OverlayMount> overlay_mounts(std::string_view mountinfo);

/// A directory that an overlay mount has.
struct OverlayUse {
  std::string mountpoint;
  bool is_workdir = false;  ///< It has `work`; false: `upper`.
};

/// An overlay mount that uses one of the open directories, as upper or as workdir, in any mount
/// namespace that this process may look into. A mount with relative paths counts if they may be
/// meant. In namespaces with file servers only paths that the kernel knows by heart are followed,
/// so that no server of others is asked.
std::optional<OverlayUse> find_overlay_use(BorrowedFd upper, BorrowedFd work);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_OVERLAY_MOUNTS_H_
