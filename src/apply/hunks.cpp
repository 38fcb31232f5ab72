// SPDX-License-Identifier: MIT
//
// Eugene W. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986: the furthest reaching
// paths of 0, 1, 2... differences, each of which is remembered to find the way back.

#include "apply/hunks.h"

#include <algorithm>

namespace overpass::apply {

namespace {

/// With more differences all lines count as changed. What is remembered takes 4 bytes times their
/// square.
constexpr int kMostDifferences = 2000;

class Comparison {
 public:
  Comparison(const Lines& before, const Lines& after, size_t skipped, size_t end_before,
             size_t end_after)
      : before_(before),
        after_(after),
        skipped_(skipped),
        old_size_(static_cast<int>(end_before - skipped)),
        new_size_(static_cast<int>(end_after - skipped)) {}

  /// The edits, or one of everything.
  std::vector<Edit> run() {
    const int most = std::min(old_size_ + new_size_, kMostDifferences);
    for (int count = 0; count <= most; ++count) {
      if (reach(count)) return way_back(count);
    }
    return {edit(0, old_size_, 0, new_size_)};
  }

 private:
  Edit edit(int old_begin, int old_end, int new_begin, int new_end) const {
    const auto at = [this](int index) { return skipped_ + static_cast<size_t>(index); };
    return {at(old_begin), at(old_end), at(new_begin), at(new_end)};
  }

  /// Where the furthest path on the diagonal is after `count` differences: lines of `before`.
  int& reached(int count, int diagonal) {
    const int column = diagonal + count;
    return ways_[static_cast<size_t>(count)][static_cast<size_t>(column)];
  }

  bool goes_down(int count, int diagonal) {
    if (diagonal == -count) return true;
    if (diagonal == count) return false;
    return reached(count - 1, diagonal - 1) < reached(count - 1, diagonal + 1);
  }

  /// Where the path is before the equal lines at its end.
  int start_of(int count, int diagonal) {
    if (count == 0) return 0;
    return goes_down(count, diagonal) ? reached(count - 1, diagonal + 1)
                                      : reached(count - 1, diagonal - 1) + 1;
  }

  /// Whether the end is reached with that many differences.
  bool reach(int count) {
    const int columns = 2 * count + 1;
    ways_.emplace_back(static_cast<size_t>(columns));
    for (int diagonal = -count; diagonal <= count; diagonal += 2) {
      int x = start_of(count, diagonal);
      int y = x - diagonal;
      while (x < old_size_ && y < new_size_ && is_equal(x, y)) ++x, ++y;
      reached(count, diagonal) = x;
      if (x >= old_size_ && y >= new_size_) return true;
    }
    return false;
  }

  bool is_equal(int x, int y) const {
    return before_[skipped_ + static_cast<size_t>(x)] == after_[skipped_ + static_cast<size_t>(y)];
  }

  std::vector<Edit> way_back(int count) {
    std::vector<Edit> edits;
    int diagonal = old_size_ - new_size_;
    for (; count > 0; --count) {
      const int x = start_of(count, diagonal);
      const int y = x - diagonal;
      const bool is_down = goes_down(count, diagonal);
      const Edit one = is_down ? edit(x, x, y - 1, y) : edit(x - 1, x, y, y);
      if (!edits.empty() && one.old_end == edits.back().old_begin &&
          one.new_end == edits.back().new_begin) {
        edits.back().old_begin = one.old_begin;
        edits.back().new_begin = one.new_begin;
      } else {
        edits.push_back(one);
      }
      diagonal += is_down ? 1 : -1;
    }
    std::ranges::reverse(edits);
    return edits;
  }

  const Lines& before_;
  const Lines& after_;
  const size_t skipped_;  ///< Equal lines at the beginning.
  const int old_size_, new_size_;
  std::vector<std::vector<int>> ways_;  ///< By the number of differences, and by diagonal.
};

}  // namespace

bool is_text(std::string_view content) {
  return content.size() <= kLongestText && content.find('\0') == std::string_view::npos;
}

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

std::vector<Edit> edits_of(const Lines& before, const Lines& after) {
  size_t skipped = 0;
  const size_t shorter = std::min(before.size(), after.size());
  while (skipped < shorter && before[skipped] == after[skipped]) ++skipped;
  size_t old_end = before.size();
  size_t new_end = after.size();
  while (old_end > skipped && new_end > skipped && before[old_end - 1] == after[new_end - 1]) {
    --old_end, --new_end;
  }
  if (old_end == skipped && new_end == skipped) return {};
  return Comparison(before, after, skipped, old_end, new_end).run();
}

std::vector<Hunk> hunks_of(const std::vector<Edit>& edits) {
  std::vector<Hunk> hunks;
  for (const Edit& edit : edits) {
    const bool is_near =
        !hunks.empty() && edit.old_begin - hunks.back().back().old_end <= 2 * kContextLines;
    if (!is_near) hunks.emplace_back();
    hunks.back().push_back(edit);
  }
  return hunks;
}

std::string with_edits(const Lines& before, const Lines& after, const std::vector<Edit>& edits) {
  std::string text;
  size_t next = 0;
  const auto add = [&text](const Lines& lines, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) text += lines[i];
  };
  for (const Edit& edit : edits) {
    add(before, next, edit.old_begin);
    add(after, edit.new_begin, edit.new_end);
    next = edit.old_end;
  }
  add(before, next, before.size());
  return text;
}

}  // namespace overpass::apply
