// SPDX-License-Identifier: MIT
//
// XXH3 by xxHash, compiled in here so that short names hash without a call.

#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace overpass {

uint64_t hash_bytes(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace overpass
