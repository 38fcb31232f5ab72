// SPDX-License-Identifier: MIT
//
// A pattern is cut at its slashes, so that each name of a path is compared once, when a lookup
// comes to it.

#include "rules/pattern.h"

#include <algorithm>
#include <string>

namespace overpass::rules {

namespace {

/// The position of the next '/' outside of brackets, or the end. "\/" is a slash as well, and what
/// stands before it ends with its backslash.
size_t find_slash(std::string_view text, size_t from) {
  for (size_t at = from; at < text.size();) {
    if (text[at] == '/') return at;
    if (text[at] == '[') {
      const size_t behind = behind_bracket(text, at);
      if (behind == std::string_view::npos) return text.size();  // Glob::parse() says so.
      at = behind;
    } else if (text[at] == '\\' && at + 1 < text.size() && text[at + 1] != '/') {
      at += 2;
    } else {
      ++at;
    }
  }
  return text.size();
}

bool is_any_depth(std::string_view part) {
  return part.size() >= 2 && part.find_first_not_of('*') == std::string_view::npos;
}

Expected<Segment> read_segment(std::string_view part, bool is_anchored) {
  if (part.empty()) {
    return problem("it has an empty name between slashes", "write one '/' between names");
  }
  if (part == "." || part == "..") {
    return problem("it has the name '" + std::string(part) + "'",
                   "write the path from the mount's root, as in '/dir/name'");
  }
  if (is_anchored && is_any_depth(part)) return Segment{.is_any_depth = true};
  auto glob = Glob::parse(part);
  if (!glob) return std::unexpected(glob.error());
  return Segment{.is_any_depth = false, .glob = std::move(*glob)};
}

/// "**/NAME" is NAME, which is found without walking.
void simplify(Pattern& pattern) {
  auto& segments = pattern.segments;
  const auto first = std::ranges::find(segments, false, &Segment::is_any_depth);
  if (first == segments.begin() || first == segments.end() || first + 1 != segments.end()) return;
  segments.erase(segments.begin(), first);
  pattern.is_anchored = false;
}

}  // namespace

std::string_view without_trailing_blanks(std::string_view text) {
  size_t end = text.size();
  while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t')) --end;
  // A backslash before the first of them keeps one, unless it is itself behind a backslash.
  size_t backslashes = 0;
  while (backslashes < end && text[end - 1 - backslashes] == '\\') ++backslashes;
  if (end < text.size() && backslashes % 2 == 1) ++end;
  return text.substr(0, end);
}

Expected<Pattern> parse_pattern(std::string_view text) {
  Pattern pattern;
  text = without_trailing_blanks(text);
  if (text.size() > kLongestPattern) {
    return problem("it is " + std::to_string(text.size()) + " bytes long",
                   "the limit is " + std::to_string(kLongestPattern));
  }
  pattern.is_negated = text.starts_with('!');
  if (pattern.is_negated) text.remove_prefix(1);
  if (text.starts_with("~/")) {
    return problem("it begins with '~', which is a name like any other here",
                   "write '.ssh/' for a directory wherever it is, or '/home/NAME/.ssh/', or '\\~/' "
                   "for a directory that is called '~'");
  }
  pattern.directories_only = text.ends_with('/');
  if (pattern.directories_only) text.remove_suffix(1);
  pattern.is_anchored = text.find('/') != std::string_view::npos;
  if (text.starts_with('/')) text.remove_prefix(1);
  if (text.empty()) {
    return problem("it is empty", "name what it is about; '*' stands for everything");
  }
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = find_slash(text, begin);
    std::string_view part = text.substr(begin, end - begin);
    // "\/" is '/'; at the end of the pattern it is an error.
    size_t backslashes = 0;
    while (backslashes < part.size() && part[part.size() - 1 - backslashes] == '\\') ++backslashes;
    if (end < text.size() && backslashes % 2 == 1) part.remove_suffix(1);
    auto segment = read_segment(part, pattern.is_anchored);
    if (!segment) return std::unexpected(segment.error());
    pattern.segments.push_back(std::move(*segment));
    begin = end + 1;
  }
  if (pattern.is_anchored) simplify(pattern);
  return pattern;
}

}  // namespace overpass::rules
