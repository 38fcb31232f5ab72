// SPDX-License-Identifier: MIT
//
// The command "freeze": the daemon's part of `overpass snapshot` of a sandbox that runs.

#ifndef OVERPASS_FUSE_FREEZE_H_
#define OVERPASS_FUSE_FREEZE_H_

#include <string_view>

#include "base/result.h"
#include "fuse/gate.h"
#include "overlay/state/caller.h"

namespace overpass::fuse {

struct Daemon;

/// The command "freeze" (control.h): the upper becomes the topmost lower, and the union goes on
/// with a new one (overlay/freeze/freeze.h). `value` is three absolute paths, separated by zero
/// bytes: the new upper and its workdir, which exist and are empty, and where the present upper is
/// by now. EINVAL for paths that are not fit, EBUSY while something does not come to an end or
/// excludes it, EOPNOTSUPP where the union cannot do it; the log says why. Nothing has changed
/// then.
Result<void> freeze(Daemon& daemon, const overlay::Caller& caller, std::string_view value);

/// Closes the gate when copies that are under way have ended, or after two seconds. EBUSY if
/// requests that have been begun do not end soon.
Result<Gate::Closed> keep_requests_out(Daemon& daemon);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_FREEZE_H_
