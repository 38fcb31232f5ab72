// SPDX-License-Identifier: MIT
//
// The project's only door to libfuse: its low-level API, at the version that overpass relies on.

#ifndef OVERPASS_FUSE_LIBFUSE_H_
#define OVERPASS_FUSE_LIBFUSE_H_

#define FUSE_USE_VERSION 318

#include <fuse_lowlevel.h>

#endif  // OVERPASS_FUSE_LIBFUSE_H_
