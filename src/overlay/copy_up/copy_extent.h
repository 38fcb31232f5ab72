// SPDX-License-Identifier: MIT
//
// How much of a file a copy-up copies.

#ifndef OVERPASS_OVERLAY_COPY_UP_COPY_EXTENT_H_
#define OVERPASS_OVERLAY_COPY_UP_COPY_EXTENT_H_

#include <sys/types.h>

#include <limits>

namespace overpass::overlay {

inline constexpr off_t kWholeFile = std::numeric_limits<off_t>::max();

/// The part of a file that a caller needs in the upper, and whether it may take time.
struct CopyExtent {
  bool bytes = true;
  off_t wanted = kWholeFile;
  bool may_wait = true;  ///< False: kMustWait rather than to wait for a disk or for many bytes.
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_COPY_EXTENT_H_
