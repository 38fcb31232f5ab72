// SPDX-License-Identifier: MIT
//
// 'U' or 'L', a sign, decimal digits; never longer than the kernel's buffer of 12.

#include "layer/nlink_mark.h"

#include <charconv>

namespace overpass::layer {

namespace {

constexpr size_t kLongestMark = 12;

}  // namespace

std::optional<NlinkMark> decode_nlink(std::string_view value) {
  if (value.size() < 3 || value.size() > kLongestMark) return {};
  NlinkMark mark;
  if (value[0] == 'L') {
    mark.base = NlinkMark::Base::Lower;
  } else if (value[0] != 'U') {
    return {};
  }
  if (value[1] != '+' && value[1] != '-') return {};
  if (value[2] < '0' || value[2] > '9') return {};  // No second sign.
  // from_chars knows a minus, but no plus.
  const char* begin = value.data() + (value[1] == '+' ? 2 : 1);
  const char* end = value.data() + value.size();
  const auto [last, error] = std::from_chars(begin, end, mark.difference);
  if (error != std::errc() || last != end) return {};
  return mark;
}

std::string encode_nlink(const NlinkMark& mark) {
  std::string text(1, mark.base == NlinkMark::Base::Upper ? 'U' : 'L');
  if (mark.difference >= 0) text += '+';
  return text + std::to_string(mark.difference);
}

std::optional<uint32_t> union_nlink(const NlinkMark& mark, uint32_t upper_nlink,
                                    uint32_t lower_nlink) {
  const int64_t base = mark.base == NlinkMark::Base::Upper ? upper_nlink : lower_nlink;
  const int64_t count = base + mark.difference;
  if (count < 0 || count > INT32_MAX) return {};
  return static_cast<uint32_t>(count);
}

}  // namespace overpass::layer
