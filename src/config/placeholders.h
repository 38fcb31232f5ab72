// SPDX-License-Identifier: MIT
//
// Placeholders in the values of overpass.toml: %n is the name of the mount, %i what stands behind
// the '@' of "build@trixie", and %% a percent sign. So one table describes many mounts.

#ifndef OVERPASS_CONFIG_PLACEHOLDERS_H_
#define OVERPASS_CONFIG_PLACEHOLDERS_H_

#include <string>
#include <string_view>

#include "base/problem.h"

namespace overpass::config {

/// Whether a name ends in '@': its table describes the instances, and no mount itself.
bool is_template(std::string_view name);

/// "build@" for "build@trixie"; empty for a name without '@' and for a template.
std::string_view template_of(std::string_view name);

/// `value` with its placeholders filled in for the mount `name`. A Problem for an unknown
/// placeholder, and for %i where the name has no '@'.
Expected<std::string> fill_in(std::string_view value, std::string_view name);

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_PLACEHOLDERS_H_
