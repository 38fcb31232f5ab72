// SPDX-License-Identifier: MIT
//
// The project's one hash function, XXH3, and its only door to xxHash.

#ifndef OVERPASS_BASE_HASH_H_
#define OVERPASS_BASE_HASH_H_

#include <cstdint>
#include <string_view>

namespace overpass {

/// 64-bit XXH3 of `bytes`, seeded; the seed keys the same name differently per directory.
uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0);

}  // namespace overpass

#endif  // OVERPASS_BASE_HASH_H_
