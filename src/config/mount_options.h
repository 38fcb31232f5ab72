// SPDX-License-Identifier: MIT
//
// The text after -o: "a,b=c". A backslash makes the next character literal (`\,` `\:` `\\`); a
// value that begins with a double quote runs to the next one, commas included, as podman writes
// labels.

#ifndef OVERPASS_CONFIG_MOUNT_OPTIONS_H_
#define OVERPASS_CONFIG_MOUNT_OPTIONS_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "config/option_reader.h"

namespace overpass::config {

/// Reads one -o argument. Empty elements are passed over, as mount(8) does.
Expected<void> read_mount_options(OptionReader& reader, std::string_view text);

/// Splits at unescaped colons and takes the escapes away: the value of lowerdir=.
std::vector<std::string> split_layers(std::string_view value);

/// Takes the escapes away. A backslash at the very end stays.
std::string unescape(std::string_view value);

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_MOUNT_OPTIONS_H_
