// SPDX-License-Identifier: MIT
//
// `overpass refresh`: the kernel and the daemon forget at once what they keep of lowers.

#ifndef OVERPASS_FUSE_REFRESH_H_
#define OVERPASS_FUSE_REFRESH_H_

#include <string_view>

#include "base/result.h"
#include "overlay/state/caller.h"

namespace overpass::fuse {

struct Daemon;

/// For how long the kernel may keep what lowers decide, where their changes are followed.
inline constexpr int kFollowingMs = 1000;

/// How long who sends the command to a sandbox has to wait after its end, until all is shown.
inline constexpr int kFollowedMs = kFollowingMs + 100;

/// The command "refresh" (control.h). EINVAL with a value.
Result<void> refresh(Daemon& daemon, const overlay::Caller& caller, std::string_view value);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_REFRESH_H_
