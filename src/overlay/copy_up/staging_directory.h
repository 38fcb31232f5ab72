// SPDX-License-Identifier: MIT
//
// Where in the workdir a new object is made when it cannot be made in its directory directly. What
// it inherits there (group, set-group-ID bit, default ACL, flags of chattr(1), project id, security
// label) must be what it would inherit in its directory, and nothing of the workdir's. So where the
// two differ a scratch directory is dressed like that one and the file system itself does the
// inheriting.

#ifndef OVERPASS_OVERLAY_COPY_UP_STAGING_DIRECTORY_H_
#define OVERPASS_OVERLAY_COPY_UP_STAGING_DIRECTORY_H_

#include <memory>

#include "base/result.h"
#include "layer/workdir.h"

namespace overpass::overlay {

/// What is made for a directory: something new, or what gets its owner, mode and attributes from
/// another file. Only its place on the disk is inherited by the second: flags and project id.
enum class Making { New, Copy };

/// A place to make something for `directory`, to be given to a PendingUpper: null where "work"
/// itself will do. Flags and project ids that this process may not set are left as they are; the
/// move to `directory` then fails with EXDEV where the file system insists on them.
Result<std::shared_ptr<const layer::Scratch>> scratch_like(layer::Workdir& workdir,
                                                           BorrowedFd directory, Making making);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_STAGING_DIRECTORY_H_
