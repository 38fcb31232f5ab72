// SPDX-License-Identifier: MIT
//
// The union that `overpass diff` and `overpass which` look at: a mount, by its mountpoint, NAME or
// a path inside; or layers that are not mounted, by a NAME or by flags.

#ifndef OVERPASS_CLI_LOOKED_AT_H_
#define OVERPASS_CLI_LOOKED_AT_H_

#include <expected>
#include <string>
#include <vector>

#include "cli/layer_call.h"

namespace overpass::cli {

/// The flags that name layers.
inline constexpr command_line::Flag kLookingFlags[] = {
    {"--lower", '\0', "DIR", "a lower directory, topmost first; may be repeated",
     command_line::Value::Directory},
    {"--data", '\0', "DIR", "a data-only layer below all lowers; may be repeated",
     command_line::Value::Directory},
    {"--upper", '\0', "DIR", "the upper directory", command_line::Value::Directory},
    {"--work", '\0', "DIR", "its workdir, which is not looked at", command_line::Value::Directory},
    {"--options", 'o', "OPTS", "the options of the mount; those not about layers are passed over",
     command_line::Value::MountOptions},
};

struct LookedAt {
  layer::LayerPaths layers;
  /// The other operands, as paths from the union's root without slashes around; the root is "".
  std::vector<std::string> paths;
};

std::expected<LookedAt, Refusal> find_looked_at(const Context& context,
                                                const ParsedArguments& parsed,
                                                const LayerNeeds& needs);

/// A path in a line for people: in quotes with escapes, as git writes it, if it has bytes that
/// a terminal or a reader of lines would take for something else.
std::string shown_path(std::string_view path);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_LOOKED_AT_H_
