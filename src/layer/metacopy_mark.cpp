// SPDX-License-Identifier: MIT
//
// Header bytes: version 0, length of the whole, flags (none is defined), algorithm of the digest.

#include "layer/metacopy_mark.h"

#include <cassert>

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

}  // namespace overpass::layer
