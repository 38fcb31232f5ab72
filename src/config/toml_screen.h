// SPDX-License-Identifier: MIT
//
// Finds characters beyond ASCII outside of TOML's strings and comments. They are wrong there, but
// toml++ 3.3.0 does not say so: some of them take it past the end of a switch that it declares to
// be unreachable. To be deleted when Debian's toml++ is newer and the corpora of tests/fuzz pass
// without it.

#ifndef OVERPASS_CONFIG_TOML_SCREEN_H_
#define OVERPASS_CONFIG_TOML_SCREEN_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace overpass::config {

struct TomlPlace {
  uint32_t line;    ///< From 1.
  uint32_t column;  ///< From 1, in characters.
};

/// The first such character. Only right up to the first other error of the text, where toml++
/// stops.
std::optional<TomlPlace> find_stray_character(std::string_view text);

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_TOML_SCREEN_H_
