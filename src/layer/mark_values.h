// SPDX-License-Identifier: MIT
//
// The values of marks, as text and as structs. What a mark means is done elsewhere.
//
// The value of the metacopy mark (struct ovl_metacopy of the kernel): empty, or a header and the
// fs-verity digest that the data in the lower must have.
//
// The value of the nlink mark on an indexed upper file: by how much the union's link count differs
// from that of the upper or the lower file ("U+1", "L-2").
//
// The value of the protattr mark: which of the flags that protect a file (chattr +a, +i) it has in
// the union. The upper file itself cannot have them, since the union must still be able to move it.
//
// The value of the redirect mark: the place in the layers below of a directory (or of a metacopy's
// data) that is no longer at its own path. This turns text into structure only, and follows
// nothing.

#ifndef OVERPASS_LAYER_MARK_VALUES_H_
#define OVERPASS_LAYER_MARK_VALUES_H_

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

/// Nothing if overlayfs would not take `value` (it answers EIO then). The digest's length is
/// checked when it is compared.
std::optional<MetacopyMark> decode_metacopy(std::string_view value);

/// Empty without a digest, as overlayfs writes it. REQUIRES: digest of 64 bytes at most.
std::string encode_metacopy(const MetacopyMark& mark);

struct NlinkMark {
  enum class Base { Upper, Lower };
  Base base = Base::Upper;
  int32_t difference = 0;

  bool operator==(const NlinkMark&) const = default;
};

/// Nothing when `value` is no such mark.
std::optional<NlinkMark> decode_nlink(std::string_view value);

std::string encode_nlink(const NlinkMark& mark);

/// The union's link count, given the files'. Nothing when it would be negative or too large; 0 says
/// that no name is left.
std::optional<uint32_t> union_nlink(const NlinkMark& mark, uint32_t upper_nlink,
                                    uint32_t lower_nlink);

struct ProtectionMark {
  bool append_only = false;
  bool immutable = false;

  bool operator==(const ProtectionMark&) const = default;
};

/// Nothing when `value` is empty or has another letter than 'a' and 'i'.
std::optional<ProtectionMark> decode_protattr(std::string_view value);

/// Empty without a flag: there is no mark then.
std::string encode_protattr(const ProtectionMark& mark);

/// Either "/a/b", from the roots of the layers below, or one component: another name in the same
/// parent directory. No component is empty, ".", "..", longer than NAME_MAX or contains a NUL, so
/// that walking it cannot leave the layer but through a symbolic link, which the walker refuses.
struct Redirect {
  std::string path;

  bool is_absolute() const { return path.front() == '/'; }
  bool operator==(const Redirect&) const = default;
};

/// Longer paths than this, in bytes, are refused: the longest that a system call walks.
inline constexpr size_t kLongestRedirect = 4095;

/// Nothing when `value` is no such path.
std::optional<Redirect> decode_redirect(std::string_view value);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_MARK_VALUES_H_
