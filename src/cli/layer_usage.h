// SPDX-License-Identifier: MIT
//
// How much a directory of changes holds.

#ifndef OVERPASS_CLI_LAYER_USAGE_H_
#define OVERPASS_CLI_LAYER_USAGE_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

namespace overpass::cli {

struct LayerUsage {
  uint64_t names = 0;
  uint64_t bytes = 0;  ///< That it takes on the disk; of several links once.
};

/// Of all below the directory; nothing if it is large (10000 names), or if this user may not read
/// all of it.
std::optional<LayerUsage> layer_usage(const std::string& path);

/// "1.5 d": the number in the first unit that is not larger; "0" for nothing.
std::string with_unit(double number, std::initializer_list<std::pair<double, const char*>> units);

/// "1.5 MiB"; "0" for nothing.
std::string size_text(uint64_t bytes);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_LAYER_USAGE_H_
