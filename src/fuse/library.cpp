// SPDX-License-Identifier: MIT

#include "fuse/library.h"

#include "fuse/libfuse.h"
// An installed libfuse does not have it; <linux/fuse.h> may be older than the library.
#if __has_include(<fuse_kernel.h>)
#include <fuse_kernel.h>
#else
#include <linux/fuse.h>
#endif

namespace overpass::fuse {

std::string library_version() { return fuse_pkgversion(); }

std::string library_protocol() {
  return std::to_string(FUSE_KERNEL_VERSION) + "." + std::to_string(FUSE_KERNEL_MINOR_VERSION);
}

}  // namespace overpass::fuse
