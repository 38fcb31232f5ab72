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

struct StreamHash::State {
  XXH3_state_t xxh3;
};

StreamHash::StreamHash() : state_(std::make_unique<State>()) {
  (void)XXH3_128bits_reset(&state_->xxh3);  // Fails for null only, as update() does.
}

StreamHash::~StreamHash() = default;

void StreamHash::update(std::string_view bytes) {
  (void)XXH3_128bits_update(&state_->xxh3, bytes.data(), bytes.size());
}

Digest StreamHash::digest() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh3);
  return {hash.high64, hash.low64};
}

}  // namespace overpass
