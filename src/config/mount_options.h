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

/// An option as it is written in the text after -o.
struct WrittenOption {
  std::string_view name;
  std::string_view text;  ///< With its value, escapes and quotes.
};

/// Cuts one -o argument into its options, without understanding them. The views are of `text`.
Expected<std::vector<WrittenOption>> split_mount_options(std::string_view text);

/// Whether read_mount_options() knows the name. It may refuse the option all the same.
bool is_mount_option(std::string_view name);

/// The directories of a lowerdir=, topmost first.
struct LayerList {
  std::vector<std::string> lower;
  std::vector<std::string> data_only;
};

/// Splits the value of lowerdir= and takes the escapes away: lowers are separated by an unescaped
/// colon, and before each data-only directory, below all of them, stand two. `spelling` names the
/// option in messages.
Expected<LayerList> split_layers(std::string_view spelling, std::string_view value);

/// Takes the escapes away. A backslash at the very end stays.
std::string unescape(std::string_view value);

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_MOUNT_OPTIONS_H_
