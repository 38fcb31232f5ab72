// SPDX-License-Identifier: MIT
//
// What a running mount says of itself: an extended attribute of its root that is not listed, read
// by `overpass status`. Each asker is told what is theirs: a mount may be used by people who have
// nothing to do with each other.

#ifndef OVERPASS_FUSE_STATUS_H_
#define OVERPASS_FUSE_STATUS_H_

#include <sys/types.h>

#include <string>

namespace overpass::fuse {

struct Daemon;

inline constexpr char kStatusXattr[] = "overpass.status";

/// Whether `user`, by the ids of the mount's user namespace, is told everything: its root, and the
/// user whose daemon this is.
bool may_see_all(uid_t user);

/// One JSON object. For `asker` who may see all: version, features and why one is inactive, pid,
/// paths of the layers, counters, copy-ups under way. For others: version, features, and the
/// copy-ups that are made for them. "complete" says which it is.
std::string status(Daemon& daemon, uid_t asker);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_STATUS_H_
