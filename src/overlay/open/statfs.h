// SPDX-License-Identifier: MIT
//
// statfs(2) of the union: the upper's file system, where space is used; without one the topmost
// lower's.

#ifndef OVERPASS_OVERLAY_OPEN_STATFS_H_
#define OVERPASS_OVERLAY_OPEN_STATFS_H_

#include <sys/statvfs.h>

#include "base/result.h"

namespace overpass::overlay {

struct Overlay;

Result<struct statvfs> statfs(Overlay& overlay);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_OPEN_STATFS_H_
