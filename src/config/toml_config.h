// SPDX-License-Identifier: MIT
//
// Named mounts: the [mount.NAME] tables of overpass.toml. Every option of the table has a key
// there; errors name file, line and column. A table may inherit the keys of another one (`base`),
// and a table whose name ends in '@' is a template of mounts (placeholders.h).

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
/// which stands for `home`. All of the file is checked, not only the mount that is `wanted`. If
/// that one is an instance ("build@trixie") without a table of its own, it is made of its template.
Expected<NamedMounts> parse_toml(std::string_view text, std::string_view file,
                                 std::string_view home, std::string_view wanted = {});

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_TOML_CONFIG_H_
