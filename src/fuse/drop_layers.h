// SPDX-License-Identifier: MIT
//
// The commands "layers", "hold" and "drop": the daemon's part of `overpass apply` and `discard` of
// a sandbox that runs.

#ifndef OVERPASS_FUSE_DROP_LAYERS_H_
#define OVERPASS_FUSE_DROP_LAYERS_H_

#include <string_view>

#include "base/result.h"
#include "overlay/state/caller.h"

namespace overpass::fuse {

struct Daemon;

/// The command "layers" (control.h): EINVAL unless the lowers above the lowest are those at
/// `value`: absolute paths, topmost first, separated by zero bytes; or nothing.
Result<void> check_layers(Daemon& daemon, const overlay::Caller& caller, std::string_view value);

/// The command "hold" (control.h): directories that the lowest lower comes to have are not merged
/// into those in memory before the next "drop". A directory in use would become another one
/// otherwise. `value` is nothing, or paths of the lowest lower ("a/b"), separated by zero bytes:
/// directories that may be moved there until then, and go on being found. EBUSY, or what the file
/// system reports of one of them; then none is held.
Result<void> hold(Daemon& daemon, const overlay::Caller& caller, std::string_view value);

/// The command "drop" (control.h): of the lowers above the lowest only those stay that are named
/// (overlay/freeze/layer_removal.h). `value` is absolute paths, separated by zero bytes: where
/// stamps are noted from now on (layer/base_stamp.h); a directory with a list of names that are
/// taken out of lowers (overlay/freeze/taken_names.h), or "/" for none; and the lowers that stay,
/// topmost first.
/// EINVAL if one of them is no lower, EBUSY while something does not come to an end, EOPNOTSUPP
/// where the union cannot do it. Nothing has changed then. What has gone already is no error.
Result<void> drop_layers(Daemon& daemon, const overlay::Caller& caller, std::string_view value);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_DROP_LAYERS_H_
