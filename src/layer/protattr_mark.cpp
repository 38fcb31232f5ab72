// SPDX-License-Identifier: MIT
//
// One letter for each flag, in any order.

#include "layer/protattr_mark.h"

namespace overpass::layer {

namespace {

constexpr char kAppendOnly = 'a';
constexpr char kImmutable = 'i';
constexpr size_t kLongestMark = 32;  // What overlayfs reads at most.

}  // namespace

std::optional<ProtectionMark> decode_protattr(std::string_view value) {
  if (value.empty() || value.size() > kLongestMark) return {};
  ProtectionMark mark;
  for (const char letter : value) {
    if (letter == kAppendOnly) {
      mark.append_only = true;
    } else if (letter == kImmutable) {
      mark.immutable = true;
    } else {
      return {};
    }
  }
  return mark;
}

std::string encode_protattr(const ProtectionMark& mark) {
  std::string value;
  if (mark.append_only) value += kAppendOnly;
  if (mark.immutable) value += kImmutable;
  return value;
}

}  // namespace overpass::layer
