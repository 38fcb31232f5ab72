// SPDX-License-Identifier: MIT
//
// Checks that libfuse leaves out. It trusts the lengths and names in a request, since a kernel
// always sends them right. A request that is cut short would make it read what an earlier request
// left in the buffer, or beyond it. A name with a slash would lead a handler out of its layer.

#ifndef OVERPASS_FUSE_REQUEST_SHAPE_H_
#define OVERPASS_FUSE_REQUEST_SHAPE_H_

#include <linux/fuse.h>

#include <span>

namespace overpass::fuse {

/// How `request` begins. REQUIRES: it has at least the size of a fuse_in_header.
fuse_in_header header_of(std::span<const char> request);

/// Whether `request`, which has at least the size of a fuse_in_header, is well formed: it is as
/// long as it says and as its opcode needs, and its names and offsets are valid. True for opcodes
/// that have no handler. Costs some ten nanoseconds. Threads: any.
bool is_well_formed(std::span<const char> request);

/// Whether the kernel waits for a reply to such a request.
bool wants_reply(std::span<const char> request);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_REQUEST_SHAPE_H_
