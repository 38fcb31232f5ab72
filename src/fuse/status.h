// SPDX-License-Identifier: MIT
//
// What a running mount says of itself: an extended attribute of its root that is not listed, read
// by `overpass status`.

#ifndef OVERPASS_FUSE_STATUS_H_
#define OVERPASS_FUSE_STATUS_H_

#include <string>

namespace overpass::fuse {

struct Daemon;

inline constexpr char kStatusXattr[] = "overpass.status";

/// One JSON object: version, pid, layers, features and why one is inactive, counters.
std::string status(const Daemon& daemon);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_STATUS_H_
