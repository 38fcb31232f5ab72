// SPDX-License-Identifier: MIT
//
// Option names are short, so the distance is computed with three rows and no cleverness; words
// longer than any name are never near one.

#include "base/nearest.h"

#include <algorithm>
#include <vector>

namespace overpass {

namespace {

constexpr size_t kLongestWord = 64;
constexpr size_t kLongestQuote = 400;

/// How far a word may be from a name and still be taken for it: a third of its length.
size_t tolerance(std::string_view word) { return std::max<size_t>(1, (word.size() + 1) / 3); }

}  // namespace

size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<size_t> two_back(to.size() + 1), back(to.size() + 1), row(to.size() + 1);
  for (size_t j = 0; j <= to.size(); ++j) back[j] = j;
  for (size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t replaced = back[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({back[j] + 1, row[j - 1] + 1, replaced});
      const bool is_swap = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (is_swap) row[j] = std::min(row[j], two_back[j - 2] + 1);
    }
    std::swap(two_back, back);
    std::swap(back, row);
  }
  return back[to.size()];
}

std::optional<std::string_view> find_nearest(std::string_view word,
                                             std::span<const std::string_view> known) {
  if (word.empty() || word.size() > kLongestWord) return std::nullopt;
  std::optional<std::string_view> best;
  // In half edits, so that a beginning can count as one edit and a half.
  size_t best_distance = 2 * tolerance(word) + 1;
  for (const std::string_view name : known) {
    size_t distance = 2 * edit_distance(word, name);
    // "lower" for "lowerdir", "upperdirectory" for "upperdir": nearer than the count says, but not
    // as near as a slip of one letter.
    const bool begins = name.starts_with(word) || word.starts_with(name);
    if (begins && std::min(word.size(), name.size()) >= 3) distance = std::min<size_t>(distance, 3);
    if (distance < best_distance) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

std::string suggest(std::string_view word, std::span<const std::string_view> known,
                    std::string_view otherwise) {
  const auto nearest = find_nearest(word, known);
  if (!nearest) return std::string(otherwise);
  return "did you mean '" + std::string(*nearest) + "'?";
}

std::string in_quotes(std::string_view word) {
  std::string text(word.substr(0, kLongestQuote));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return "'" + text + (word.size() > kLongestQuote ? "...'" : "'");
}

}  // namespace overpass
