// SPDX-License-Identifier: MIT
//
// The value of the metacopy mark (struct ovl_metacopy of the kernel): empty, or a header and the
// fs-verity digest that the data in the lower must have.

#ifndef OVERPASS_LAYER_METACOPY_MARK_H_
#define OVERPASS_LAYER_METACOPY_MARK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace overpass::layer {

struct MetacopyMark {
  uint8_t digest_algorithm = 0;  ///< FS_VERITY_HASH_ALG_*; 0: there is no digest.
  std::string digest;            ///< Raw bytes, 64 at most; empty without an algorithm.

  bool has_digest() const { return digest_algorithm != 0; }
  bool operator==(const MetacopyMark&) const = default;
};

/// Whether overlayfs takes a mark of `size` bytes for a metacopy's when it only looks whether the
/// file is one. It answers EIO for others.
bool may_be_metacopy(size_t size);

/// Nothing when `value` is none that overlayfs takes (it answers EIO then). Whether the digest is
/// as long as its algorithm makes it shows when it is compared.
std::optional<MetacopyMark> decode_metacopy(std::string_view value);

/// Empty without a digest, as overlayfs writes it. REQUIRES: digest of 64 bytes at most.
std::string encode_metacopy(const MetacopyMark& mark);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_METACOPY_MARK_H_
