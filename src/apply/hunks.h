// SPDX-License-Identifier: MIT
//
// The differences of two texts, line by line, in pieces of which each can be taken by itself.

#ifndef OVERPASS_APPLY_HUNKS_H_
#define OVERPASS_APPLY_HUNKS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace overpass::apply {

/// How many lines are shown around what differs.
inline constexpr size_t kContextLines = 3;

/// In bytes. What is longer is not compared.
inline constexpr size_t kLongestText = size_t{8} << 20;

/// Whether it can be shown in lines: no zero byte, and not too long.
bool is_text(std::string_view content);

/// The lines of a text, each with its newline; the last one may have none. The text outlives them.
using Lines = std::vector<std::string_view>;
Lines lines_of(std::string_view text);

/// Lines that became others, by index: from begin to before end. One of the two may be none.
struct Edit {
  size_t old_begin = 0, old_end = 0;
  size_t new_begin = 0, new_end = 0;

  bool operator==(const Edit&) const = default;
};

/// What makes `after` of `before`, in order, with a line or more between any two. The fewest lines,
/// unless the texts are so different that finding these would take long.
std::vector<Edit> edits_of(const Lines& before, const Lines& after);

/// Edits so near to each other that they are shown together.
using Hunk = std::vector<Edit>;
std::vector<Hunk> hunks_of(const std::vector<Edit>& edits);

/// `before` with the edits, which are some of edits_of(), in order.
std::string with_edits(const Lines& before, const Lines& after, const std::vector<Edit>& edits);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_HUNKS_H_
