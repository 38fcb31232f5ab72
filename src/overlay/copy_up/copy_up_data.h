// SPDX-License-Identifier: MIT
//
// The bytes of a metacopy, copied up when they are about to be changed.

#ifndef OVERPASS_OVERLAY_COPY_UP_COPY_UP_DATA_H_
#define OVERPASS_OVERLAY_COPY_UP_COPY_UP_DATA_H_

#include <sys/types.h>

#include "base/result.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;
class CopyUnderWay;

/// Fills the upper's file of `inode`, a metacopy, with the bytes at `data` and takes the metacopy
/// mark away. What was written is given back when that fails. All of them, also for a truncation:
/// size and mark cannot change in one step, and a crash must not leave a size that is not that of
/// the data. Only one thread at a time does this for an inode. L: none of rank Inode or beyond on
/// entry. May block for long.
Result<void> complete_metacopy(Overlay& overlay, Inode& inode, const DataPlace& data,
                               CopyUnderWay& progress);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_COPY_UP_DATA_H_
