// SPDX-License-Identifier: MIT
//
// For whom a thread of the daemon copies a file up, so that the copy can be given up when nobody is
// left who wants it. Kept with the thread, since a copy-up stands at the bottom of every operation
// that changes anything.

#ifndef OVERPASS_OVERLAY_COPY_UP_CALLER_H_
#define OVERPASS_OVERLAY_COPY_UP_CALLER_H_

#include <sys/types.h>

namespace overpass::overlay {

/// While one lives, what this thread copies up is for the thread `caller`, which waits for an
/// answer as long; 0 for one that cannot be seen from here. At most one at a time.
class OnBehalfOf {
 public:
  explicit OnBehalfOf(pid_t caller);
  OnBehalfOf(const OnBehalfOf&) = delete;
  OnBehalfOf& operator=(const OnBehalfOf&) = delete;
  ~OnBehalfOf();
};

/// 0 when nobody is known.
pid_t current_caller();

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_CALLER_H_
