// SPDX-License-Identifier: MIT

#include "cli/show_hunk.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/nearest.h"

namespace overpass::cli {

namespace {

constexpr char kBold[] = "\033[1m";
constexpr char kCyan[] = "\033[36m";
constexpr char kGreen[] = "\033[32m";
constexpr char kRed[] = "\033[31m";

bool has_colours() {
  const char* terminal = std::getenv("TERM");
  const char* refused = std::getenv("NO_COLOR");
  return terminal != nullptr && std::string_view(terminal) != "dumb" &&
         (refused == nullptr || *refused == '\0');
}

/// The C1 controls of terminals that take 8 bits are parts of other characters in UTF-8.
std::string harmless(std::string_view line) {
  std::string text;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) {
      text += '^';
      text += static_cast<char>(byte ^ 0x40);
    } else {
      text += c;
    }
  }
  return text;
}

void show(std::ostream& out, const char* colour, const std::string& text) {
  const bool has_colour = *colour != '\0' && has_colours();
  out << (has_colour ? colour : "") << text << (has_colour ? "\033[m" : "") << "\n";
}

void show_lines(std::ostream& out, const char* colour, char sign, const apply::Lines& lines,
                size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    std::string_view line = lines[i];
    const bool is_ended = line.ends_with('\n');
    if (is_ended) line.remove_suffix(1);
    show(out, colour, sign + harmless(line));
    if (!is_ended) show(out, "", "\\ No newline at end of file");
  }
}

/// "12,3", or "12" for one line; the line before for none.
std::string range_of(size_t begin, size_t end) {
  const size_t count = end - begin;
  const std::string first = std::to_string(count == 0 ? begin : begin + 1);
  return count == 1 ? first : first + "," + std::to_string(count);
}

}  // namespace

void show_file(std::ostream& out, const std::string& path) { show(out, kBold, in_quotes(path)); }

void show_hunk(std::ostream& out, const apply::Lines& before, const apply::Lines& after,
               const apply::Hunk& hunk) {
  const size_t above = std::min(hunk.front().old_begin, apply::kContextLines);
  const size_t begin = hunk.front().old_begin - above;
  const size_t end = std::min(hunk.back().old_end + apply::kContextLines, before.size());
  const size_t new_begin = hunk.front().new_begin - above;
  const size_t new_end = hunk.back().new_end + (end - hunk.back().old_end);
  show(out, kCyan, "@@ -" + range_of(begin, end) + " +" + range_of(new_begin, new_end) + " @@");
  size_t next = begin;
  for (const apply::Edit& edit : hunk) {
    show_lines(out, "", ' ', before, next, edit.old_begin);
    show_lines(out, kRed, '-', before, edit.old_begin, edit.old_end);
    show_lines(out, kGreen, '+', after, edit.new_begin, edit.new_end);
    next = edit.old_end;
  }
  show_lines(out, "", ' ', before, next, end);
}

}  // namespace overpass::cli
