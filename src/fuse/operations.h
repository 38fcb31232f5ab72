// SPDX-License-Identifier: MIT
//
// The handlers, as libfuse calls them. Each unpacks its request, calls one function of the overlay
// and replies; the files *_ops.cpp have them by subject.

#ifndef OVERPASS_FUSE_OPERATIONS_H_
#define OVERPASS_FUSE_OPERATIONS_H_

#include "fuse/libfuse.h"

namespace overpass::fuse {

/// All handlers.
fuse_lowlevel_ops operations();

// Each file's share.
void add_lookup_operations(fuse_lowlevel_ops& table);
void add_attribute_operations(fuse_lowlevel_ops& table);
void add_namespace_operations(fuse_lowlevel_ops& table);
void add_directory_operations(fuse_lowlevel_ops& table);
void add_xattr_operations(fuse_lowlevel_ops& table);
void add_open_operations(fuse_lowlevel_ops& table);
void add_file_operations(fuse_lowlevel_ops& table);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_OPERATIONS_H_
