// SPDX-License-Identifier: MIT
//
// A pattern in gitignore's syntax. What never could match anything is refused rather than kept.

#ifndef OVERPASS_RULES_PATTERN_H_
#define OVERPASS_RULES_PATTERN_H_

#include <string_view>
#include <vector>

#include "base/problem.h"
#include "rules/glob.h"

namespace overpass::rules {

/// What one name of a path must be like.
struct Segment {
  bool is_any_depth = false;  ///< "**": any number of names; at least one at the end of a pattern.
  Glob glob = {};             ///< Unless any depth.
};

struct Pattern {
  bool is_negated = false;        ///< "!": what matches is not meant after all.
  bool directories_only = false;  ///< A trailing '/'.
  /// It has a '/' at its beginning or in its middle, and so begins at the mount's root. Otherwise
  /// it has one segment, which a name at any depth may match.
  bool is_anchored = false;
  std::vector<Segment> segments;  ///< One at least.
};

inline constexpr size_t kLongestPattern = 4096;

/// Understands `text`, whose blanks at the end, unless behind a '\', are no part of it.
Expected<Pattern> parse_pattern(std::string_view text);

/// `text` without the blanks at its end that no '\' precedes.
std::string_view without_trailing_blanks(std::string_view text);

}  // namespace overpass::rules

#endif  // OVERPASS_RULES_PATTERN_H_
