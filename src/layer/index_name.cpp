// SPDX-License-Identifier: MIT
//
// Two digits for each byte.

#include "layer/index_name.h"

#include <limits.h>

#include <cstdint>

#include "layer/origin.h"

namespace overpass::layer {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

std::optional<std::string> index_name_of(std::string_view origin) {
  if (origin.empty() || origin.size() * 2 > NAME_MAX) return {};
  std::string name;
  name.reserve(origin.size() * 2);
  for (const char c : origin) {
    const auto byte = static_cast<uint8_t>(c);
    name += kDigits[byte >> 4];
    name += kDigits[byte & 0xf];
  }
  return name;
}

std::optional<std::string> origin_of_index_name(std::string_view name) {
  if (name.size() % 2 != 0 || name.size() > NAME_MAX) return {};
  std::string origin;
  origin.reserve(name.size() / 2);
  for (size_t i = 0; i < name.size(); i += 2) {
    const size_t high = kDigits.find(name[i]);
    const size_t low = kDigits.find(name[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return {};
    origin += static_cast<char>(high << 4 | low);
  }
  if (!decode_origin(origin)) return {};
  return origin;
}

}  // namespace overpass::layer
