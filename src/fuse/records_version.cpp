// SPDX-License-Identifier: MIT
//
// A file of its own: a test links a program that has another version.

#include "fuse/records_version.h"

namespace overpass::fuse {

uint32_t records_version() { return 2; }

}  // namespace overpass::fuse
