// SPDX-License-Identifier: MIT
//
// Chooses the place in the workdir for a new object that cannot be made in its directory directly.
// There it must inherit what its directory would hand down (group, set-group-ID bit, default ACL,
// flags of chattr(1), project id, security label), and nothing of the workdir's. So where the two
// differ, a scratch directory gets the properties of that directory, and the file system itself
// does the inheriting.

#ifndef OVERPASS_OVERLAY_COPY_UP_STAGING_DIRECTORY_H_
#define OVERPASS_OVERLAY_COPY_UP_STAGING_DIRECTORY_H_

#include <memory>

#include "base/result.h"
#include "layer/workdir.h"

namespace overpass::overlay {

/// The kind of object: a new one, or a copy that gets owner, mode and attributes from another file.
/// A copy inherits only what concerns its place on the disk: flags and project id.
enum class Making { New, Copy };

/// A place to make something for `directory`, to be given to a PendingUpper: null where "work"
/// itself will do. Flags and project ids that this process may not set are left as they are; the
/// move to `directory` then fails with EXDEV where the file system insists on them.
Result<std::shared_ptr<const layer::Scratch>> scratch_like(layer::Workdir& workdir,
                                                           BorrowedFd directory, Making making);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_STAGING_DIRECTORY_H_
