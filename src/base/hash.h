// SPDX-License-Identifier: MIT
//
// The project's one hash function, XXH3, and its only door to xxHash.

#ifndef OVERPASS_BASE_HASH_H_
#define OVERPASS_BASE_HASH_H_

#include <cstdint>
#include <memory>
#include <string_view>

namespace overpass {

/// 64-bit XXH3 of `bytes`, seeded; the seed keys the same name differently per directory.
uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0);

/// 128 bits of XXH3.
struct Digest {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const Digest&) const = default;
};

/// XXH3 of what comes in pieces. Throws std::bad_alloc.
class StreamHash {
 public:
  StreamHash();
  StreamHash(const StreamHash&) = delete;
  StreamHash& operator=(const StreamHash&) = delete;
  ~StreamHash();

  void update(std::string_view bytes);
  /// Of all pieces so far.
  Digest digest() const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace overpass

#endif  // OVERPASS_BASE_HASH_H_
