// SPDX-License-Identifier: MIT
//
// Text that is shown to strangers: what it says, without the names that somebody gave to files.

#ifndef OVERPASS_CLI_SHORTENED_H_
#define OVERPASS_CLI_SHORTENED_H_

#include <span>
#include <string>
#include <string_view>

namespace overpass::cli {

/// A path of which only the first name is left: "/home/..." of "/home/me/secret". Those of the
/// system and of overpass itself (below /dev, /proc, /sys, /run/overpass, /etc/overpass) are kept.
std::string shortened_path(std::string_view path);

/// `text` with shortened_path() of each of `known`, which may contain any character, and of every
/// other path up to a blank, a quote, a comma or a semicolon.
std::string shortened(std::string text, std::span<const std::string> known);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_SHORTENED_H_
