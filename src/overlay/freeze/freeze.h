// SPDX-License-Identifier: MIT
//
// A snapshot of a union in use: the upper becomes the topmost lower, where nothing is written any
// more, and the union goes on with a new, empty upper. The kernel keeps its node ids, names,
// handles and mappings, and sees no difference. docs/freeze.md has the whole of it.

#ifndef OVERPASS_OVERLAY_FREEZE_FREEZE_H_
#define OVERPASS_OVERLAY_FREEZE_FREEZE_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "overlay/freeze/new_upper.h"
#include "overlay/state/open_mode.h"

namespace overpass::overlay {

struct Overlay;

struct Frozen {
  size_t inodes = 0;  ///< In memory.
  size_t kept = 0;    ///< Open files, which moved on to the new upper.
  size_t torn = 0;    ///< Those that were written to while they were copied.

  // For settle().
  std::vector<UniqueFd> copies = {};
  std::vector<std::unique_ptr<OpenMode>> left = {};
};

/// Freezes the upper. EBUSY when something is under way or open that excludes it; EOPNOTSUPP when
/// the upper cannot be a lower; else what the file systems report. The log says which. After an
/// error all is as before, and the new upper is empty.
/// L: none on entry. REQUIRES: no other thread uses the union until this returns, and no open
/// file's layer is used before OpenFile::follow_freeze().
Result<Frozen> freeze(Overlay& overlay, NewUpper fresh);

/// Has the copies of open files written out, as far as the mount waits for disks at all, and gives
/// back what a freeze has left over. Takes a while; meanwhile a crash of the machine may leave the
/// frozen layer with a part of such a copy.
/// L: none on entry. Threads: any, while requests are served.
void settle(Overlay& overlay, const Frozen& frozen);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FREEZE_FREEZE_H_
