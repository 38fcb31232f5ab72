// SPDX-License-Identifier: MIT
//
// Numbers in text: std::from_chars, which takes no blanks, no plus and no "0x", and here must take
// the whole text.

#ifndef OVERPASS_BASE_NUMBER_H_
#define OVERPASS_BASE_NUMBER_H_

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace overpass {

/// The number that all of `text` says; nothing for other text and for one that does not fit.
/// `base` is for integers.
template <class Number, class... Base>
std::optional<Number> number_of(std::string_view text, Base... base) {
  Number number = {};
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number, base...);
  if (error != std::errc{} || read != end) return {};
  return number;
}

/// The number in front of the next `separator`, or of the end; both are taken away from `rest`.
inline std::optional<uint32_t> take_number(std::string_view& rest, char separator, int base = 10) {
  const size_t length = std::min(rest.find(separator), rest.size());
  const auto number = number_of<uint32_t>(rest.substr(0, length), base);
  rest.remove_prefix(std::min(length + 1, rest.size()));
  return number;
}

}  // namespace overpass

#endif  // OVERPASS_BASE_NUMBER_H_
