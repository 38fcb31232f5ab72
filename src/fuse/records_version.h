// SPDX-License-Identifier: MIT

#ifndef OVERPASS_FUSE_RECORDS_VERSION_H_
#define OVERPASS_FUSE_RECORDS_VERSION_H_

#include <cstdint>

namespace overpass::fuse {

/// How records of a mount that outlives its daemon (survival.h) are laid out, and what they mean. A
/// program takes a mount over only if it has written records of the same version itself. Raise it
/// with every change of NodeRecord, ReplyRecord, HandleRecord, RequestTrace::Ring or what lies
/// around them.
uint32_t records_version();

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_RECORDS_VERSION_H_
