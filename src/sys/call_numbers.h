// SPDX-License-Identifier: MIT
//
// System calls that glibc 2.36 does not name: their structs, and their numbers, which do not depend
// on the architecture. For sys/ itself.

#ifndef OVERPASS_SYS_CALL_NUMBERS_H_
#define OVERPASS_SYS_CALL_NUMBERS_H_

#include <cstdint>

namespace overpass::sys {

constexpr long kFchmodAt2 = 452;
constexpr long kSetXattrAt = 463;
constexpr long kGetXattrAt = 464;
constexpr long kListXattrAt = 465;
constexpr long kRemoveXattrAt = 466;
constexpr long kFileGetAttr = 468;

struct XattrArguments {  // struct xattr_args of linux/xattr.h.
  alignas(8) uint64_t value;
  uint32_t size;
  uint32_t flags;
};

struct FileAttributes {  // struct file_attr of linux/fs.h.
  alignas(8) uint64_t xflags;
  uint32_t extent_size;
  uint32_t extents;
  uint32_t project;
  uint32_t copy_on_write_extent_size;
};

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_CALL_NUMBERS_H_
