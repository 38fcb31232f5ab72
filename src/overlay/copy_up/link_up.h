// SPDX-License-Identifier: MIT
//
// A file of several names that was copied up through one of them gets another in the upper.

#ifndef OVERPASS_OVERLAY_COPY_UP_LINK_UP_H_
#define OVERPASS_OVERLAY_COPY_UP_LINK_UP_H_

#include "base/result.h"
#include "base/unique_fd.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// Gives an indexed file its `name` in the upper directory `upper` of `directory`, where so far
/// only lowers may have it. Nothing for other files. REQUIRES: the directory's names are held
/// exclusively. L: none of rank Inode or beyond on entry.
Result<void> link_up(Overlay& overlay, Inode& inode, Inode& directory, BorrowedFd upper,
                     const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_LINK_UP_H_
