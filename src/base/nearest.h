// SPDX-License-Identifier: MIT
//
// "Did you mean": the known word that is closest to a misspelt one.

#ifndef OVERPASS_BASE_NEAREST_H_
#define OVERPASS_BASE_NEAREST_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace overpass {

/// The number of insertions, deletions, replacements and swaps of neighbours that turn `from` into
/// `to` (optimal string alignment).
size_t edit_distance(std::string_view from, std::string_view to);

/// The word of `known` that `word` was most likely meant to be: the smallest edit distance, or one
/// that `word` begins or that begins `word`. Nothing when none is near enough to be worth naming.
std::optional<std::string_view> find_nearest(std::string_view word,
                                             std::span<const std::string_view> known);

/// "did you mean 'X'?" or, with nothing near, `otherwise`: a Problem's remedy.
std::string suggest(std::string_view word, std::span<const std::string_view> known,
                    std::string_view otherwise);

/// A word of the user's between quotes for a message: cut when overlong, and with bytes that would
/// break a line of output replaced by '?'.
std::string in_quotes(std::string_view word);

}  // namespace overpass

#endif  // OVERPASS_BASE_NEAREST_H_
