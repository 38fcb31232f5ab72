// SPDX-License-Identifier: MIT

#include "cli/recover.h"

#include "cli/mounted.h"
#include "cli/status_report.h"
#include "cli/unmount.h"
#include "sys/file_io.h"

namespace overpass::cli {

Expected<void> take_dead_unions_away(const std::string& mountpoint) {
  for (;;) {  // One may lie over another.
    const auto mountinfo = sys::read_file("/proc/self/mountinfo");
    if (!mountinfo) return problem("/proc/self/mountinfo cannot be read", "mount /proc");
    const auto mount = find_mount_at(*mountinfo, mountpoint);
    if (!mount || mount->type != kMountType || !is_dead(mount->mountpoint)) return {};
    if (auto ok = unmount(mount->mountpoint, /*lazy=*/true); !ok) return ok;
  }
}

}  // namespace overpass::cli
