// SPDX-License-Identifier: MIT
//
// A source that others write while it is copied. The copy would be a mixture of what was before and
// after, so it is made anew, and given up after some times.

#ifndef OVERPASS_OVERLAY_COPY_UP_TORN_COPY_H_
#define OVERPASS_OVERLAY_COPY_UP_TORN_COPY_H_

#include <functional>

#include "base/result.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

/// How often a copy is tried.
inline constexpr int kMostCopies = 6;

/// Calls `copy` until it returns true; false is a torn copy. EBUSY after kMostCopies, with a line
/// in the log that names the file of `inode`. `may_wait`: kMustWait instead of a second copy. L:
/// none on entry. Pauses between two copies, for a sixth of a second altogether.
Result<void> until_whole(Inode& inode, bool may_wait, const std::function<Result<bool>()>& copy);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_TORN_COPY_H_
