// SPDX-License-Identifier: MIT
//
// For whom a thread of the daemon copies a file up, so that the copy can be given up when nobody is
// left who wants it. Kept with the thread, since a copy-up stands at the bottom of every operation
// that changes anything.

#ifndef OVERPASS_OVERLAY_STATE_COPY_UP_CALLER_H_
#define OVERPASS_OVERLAY_STATE_COPY_UP_CALLER_H_

#include <sys/types.h>

#include "base/id_map.h"

namespace overpass::overlay {

/// Who waits for a copy.
struct CopyCaller {
  pid_t thread = 0;    ///< 0 for one that cannot be seen from here.
  uid_t user = kNoId;  ///< As the mount knows it; kNoId when it is not known.
};

/// While one lives, what this thread copies up is for `caller`, which waits for an answer as long.
/// At most one at a time.
class OnBehalfOf {
 public:
  explicit OnBehalfOf(CopyCaller caller);
  OnBehalfOf(const OnBehalfOf&) = delete;
  OnBehalfOf& operator=(const OnBehalfOf&) = delete;
  ~OnBehalfOf();
};

/// An unknown one when the thread acts for itself.
CopyCaller current_caller();

/// Whether this thread acts for a caller, as workers do and serving threads do not.
bool acts_for_caller();

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_COPY_UP_CALLER_H_
