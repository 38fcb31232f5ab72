// SPDX-License-Identifier: MIT
//
// Named mounts: the [mount.NAME] tables of overpass.toml. Every option of the table has a key
// there; errors name file, line and column.

#ifndef OVERPASS_CONFIG_TOML_CONFIG_H_
#define OVERPASS_CONFIG_TOML_CONFIG_H_

#include <map>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "config/options.h"

namespace overpass::config {

/// The named mounts of one file.
using NamedMounts = std::map<std::string, Options, std::less<>>;

/// Parses the text of a file called `file` in messages. A path is absolute, or begins with "~/",
/// which stands for `home`. All of the file is checked, not only the mount that is wanted.
Expected<NamedMounts> parse_toml(std::string_view text, std::string_view file,
                                 std::string_view home);

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_TOML_CONFIG_H_
