// SPDX-License-Identifier: MIT
//
// Header bytes: version 0, length of the whole, flags (none is defined), algorithm of the digest.
//
// 'U' or 'L', a sign, decimal digits; never longer than the kernel's buffer of 12.
//
// One letter for each flag, in any order.
//
// One pass over the components.

#include "layer/mark_values.h"

#include <limits.h>

#include <cassert>
#include <charconv>

namespace overpass::layer {

namespace {

constexpr size_t kHeaderSize = 4;
constexpr size_t kLongestDigest = 64;  // FS_VERITY_MAX_DIGEST_SIZE.

}  // namespace

bool may_be_metacopy(size_t size) { return size == 0 || size >= kHeaderSize; }

std::optional<MetacopyMark> decode_metacopy(std::string_view value) {
  if (value.empty()) return MetacopyMark{};
  if (value.size() < kHeaderSize || value.size() > kHeaderSize + kLongestDigest) return {};
  auto byte = [&](size_t index) { return static_cast<uint8_t>(value[index]); };
  if (byte(0) != 0 || byte(1) != value.size()) return {};
  if (byte(3) == 0) return MetacopyMark{};  // Bytes without an algorithm mean nothing.
  return MetacopyMark{byte(3), std::string(value.substr(kHeaderSize))};
}

std::string encode_metacopy(const MetacopyMark& mark) {
  if (!mark.has_digest()) return {};
  assert(mark.digest.size() <= kLongestDigest);
  std::string value(kHeaderSize, '\0');
  value[1] = static_cast<char>(kHeaderSize + mark.digest.size());
  value[3] = static_cast<char>(mark.digest_algorithm);
  return value + mark.digest;
}

namespace {

constexpr size_t kLongestNlink = 12;

}  // namespace

std::optional<NlinkMark> decode_nlink(std::string_view value) {
  if (value.size() < 3 || value.size() > kLongestNlink) return {};
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

namespace {

constexpr char kAppendOnly = 'a';
constexpr char kImmutable = 'i';
constexpr size_t kLongestProtattr = 32;  // What overlayfs reads at most.

}  // namespace

std::optional<ProtectionMark> decode_protattr(std::string_view value) {
  if (value.empty() || value.size() > kLongestProtattr) return {};
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

namespace {

bool is_component(std::string_view name) {
  return !name.empty() && name.size() <= NAME_MAX && name != "." && name != ".." &&
         name.find('\0') == std::string_view::npos;
}

}  // namespace

std::optional<Redirect> decode_redirect(std::string_view value) {
  if (value.empty() || value.size() > kLongestRedirect) return {};
  const bool is_absolute = value.front() == '/';
  std::string_view rest = is_absolute ? value.substr(1) : value;
  while (true) {
    const size_t slash = rest.find('/');
    if (!is_component(rest.substr(0, slash))) return {};
    if (slash == std::string_view::npos) return Redirect{std::string(value)};
    if (!is_absolute) return {};
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace overpass::layer
