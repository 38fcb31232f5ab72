// SPDX-License-Identifier: MIT
//
// The version of libfuse that this program is linked with.

#ifndef OVERPASS_FUSE_LIBRARY_H_
#define OVERPASS_FUSE_LIBRARY_H_

#include <string>

namespace overpass::fuse {

/// "3.18.3".
std::string library_version();

/// The newest version of the kernel's FUSE protocol that the library speaks: "7.45". A mount speaks
/// the older one of this and the kernel's.
std::string library_protocol();

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_LIBRARY_H_
