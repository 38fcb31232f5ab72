// SPDX-License-Identifier: MIT
//
// The layers that a command looks at which mounts nothing: from its flags, or from a NAME in
// overpass.toml.

#ifndef OVERPASS_CLI_LAYER_CALL_H_
#define OVERPASS_CLI_LAYER_CALL_H_

#include <expected>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/named_mount.h"
#include "layer/layer_paths.h"

namespace overpass::cli {

/// Why a command cannot look, and whose fault that is.
struct Refusal {
  Problem problem;
  bool is_usage = false;  ///< The call is wrong.
};

std::unexpected<Refusal> wrong_call(const Problem& problem);
std::unexpected<Refusal> not_possible(const Problem& problem);

/// What a command needs besides lower directories.
struct LayerNeeds {
  bool upper = true;
  bool work = true;          ///< Beside an upper.
  const char* without = "";  ///< What is said if there is no upper.
};

/// The layers of the call, or of `named`, judged as for a mount. Paths become absolute.
std::expected<layer::LayerPaths, Refusal> layers_of_call(const ParsedArguments& parsed,
                                                         const std::optional<NamedMount>& named,
                                                         const std::string& name,
                                                         const LayerNeeds& needs);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_LAYER_CALL_H_
