// SPDX-License-Identifier: MIT
//
// A snapshot of a union in use: the upper becomes the topmost lower, where nothing is written any
// more, and the union goes on with a new, empty upper. The kernel keeps its node ids, names,
// handles and mappings, and sees no difference. docs/freeze.md has the whole of it.

#ifndef OVERPASS_OVERLAY_FREEZE_FREEZE_H_
#define OVERPASS_OVERLAY_FREEZE_FREEZE_H_

#include <cstddef>

#include "base/result.h"
#include "overlay/freeze/new_upper.h"

namespace overpass::overlay {

struct Overlay;

struct Frozen {
  size_t inodes = 0;  ///< In memory.
  size_t kept = 0;    ///< Open files, which moved on to the new upper.
  size_t torn = 0;    ///< Those that were written to while they were copied.
};

/// Freezes the upper. EBUSY when something is under way or open that excludes it; EOPNOTSUPP when
/// the upper cannot be a lower; else what the file systems report. The log says which. After an
/// error all is as before, and the new upper is empty.
/// L: none on entry. REQUIRES: no other thread uses the union until this returns, and no open
/// file's layer is used before OpenFile::follow_freeze().
Result<Frozen> freeze(Overlay& overlay, NewUpper fresh);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FREEZE_FREEZE_H_
