// SPDX-License-Identifier: MIT
//
// The value of the nlink mark on an indexed upper file: by how much the union's link count differs
// from that of the upper or the lower file ("U+1", "L-2").

#ifndef OVERPASS_LAYER_NLINK_MARK_H_
#define OVERPASS_LAYER_NLINK_MARK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace overpass::layer {

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

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_NLINK_MARK_H_
