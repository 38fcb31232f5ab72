// SPDX-License-Identifier: MIT
//
// The value of the protattr mark: which of the flags that protect a file (chattr +a, +i) it has in
// the union. The upper file itself cannot have them, since the union must still be able to move it.

#ifndef OVERPASS_LAYER_PROTATTR_MARK_H_
#define OVERPASS_LAYER_PROTATTR_MARK_H_

#include <optional>
#include <string>
#include <string_view>

namespace overpass::layer {

struct ProtectionMark {
  bool append_only = false;
  bool immutable = false;

  bool operator==(const ProtectionMark&) const = default;
};

/// Nothing when `value` is empty or has another letter than 'a' and 'i'.
std::optional<ProtectionMark> decode_protattr(std::string_view value);

/// Empty without a flag: there is no mark then.
std::string encode_protattr(const ProtectionMark& mark);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_PROTATTR_MARK_H_
