// SPDX-License-Identifier: MIT
//
// An open file of a former daemon, which the kernel still holds (survive=on).

#ifndef OVERPASS_OVERLAY_OPEN_REOPEN_H_
#define OVERPASS_OVERLAY_OPEN_REOPEN_H_

#include <memory>

#include "base/result.h"
#include "overlay/open/open_file.h"

namespace overpass::overlay {

/// How the file was opened and is served; the kernel cannot be told anything else now.
struct FormerOpen {
  int flags = 0;
  SharedBacking backing;  ///< Null when served by the daemon.
  Side side = Side::Lower;
  uid_t user = kNoId;
};

/// Opens it as it was. A file that cannot be opened any more is open all the same, and what is
/// asked of it fails with EBADF. Before the first request. ENOMEM.
std::unique_ptr<OpenFile> reopen(Overlay& overlay, const InodeRef& inode, FormerOpen former);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_OPEN_REOPEN_H_
