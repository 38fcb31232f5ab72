// SPDX-License-Identifier: MIT
//
// `overpass refresh`: the kernel and the daemon forget at once what they keep of lowers.

#ifndef OVERPASS_FUSE_REFRESH_H_
#define OVERPASS_FUSE_REFRESH_H_

#include <functional>
#include <string_view>

#include "base/result.h"
#include "overlay/state/caller.h"

namespace overpass::fuse {

struct Daemon;
class Notifier;

/// For how long the kernel may keep what lowers decide, where their changes are followed.
inline constexpr int kFollowingMs = 1000;

/// How long who sends the command to a sandbox has to wait after its end, until all is shown.
inline constexpr int kFollowedMs = kFollowingMs + 100;

/// The command "refresh" (control.h). EINVAL with a value.
Result<void> refresh(Daemon& daemon, const overlay::Caller& caller, std::string_view value);

/// Has the kernel ask for every name again, and forget the attributes it keeps (those of
/// directories with another lower before: forget_directories()): rules or layers are others. Waits
/// for requests about directories; not for threads that serve them.
void forget_names(Daemon& daemon);

/// The command that waits until the kernel knows of names that a new lower shows or hides. EINVAL
/// with a value.
inline constexpr std::string_view kSettleNames = "settle";
Result<void> settle_names(Daemon& daemon, const overlay::Caller& caller, std::string_view value);

/// Does `work` on the notifier's thread, and returns when it is done.
void on_notifier(Notifier& notifier, const std::function<void()>& work);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_REFRESH_H_
