// SPDX-License-Identifier: MIT
//
// Longer paths are replaced before those that they begin with, or the rest of their names would
// stay.

#include "cli/shortened.h"

#include <algorithm>
#include <vector>

namespace overpass::cli {

namespace {

constexpr std::string_view kOfTheSystem[] = {"/dev", "/proc", "/sys", "/run/overpass",
                                             "/etc/overpass"};
constexpr std::string_view kMore = "/...";
constexpr std::string_view kEnds = " \t\n'\",;";

bool lies_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

void replace_known(std::string& text, const std::string& path) {
  if (path.size() < 2) return;
  const std::string replacement = shortened_path(path);
  for (size_t at = text.find(path); at != std::string::npos; at = text.find(path, at)) {
    text.replace(at, path.size(), replacement);
    at += replacement.size();
  }
}

/// Whether a path begins at `at`: at the beginning, or behind what is no part of a name.
bool begins_path(std::string_view text, size_t at) {
  if (text[at] != '/') return false;
  return at == 0 || kEnds.find(text[at - 1]) != std::string_view::npos || text[at - 1] == '=' ||
         text[at - 1] == ':' || text[at - 1] == '(';
}

}  // namespace

std::string shortened_path(std::string_view path) {
  for (const std::string_view directory : kOfTheSystem) {
    if (lies_below(path, directory)) return std::string(path);
  }
  const size_t second = path.find('/', 1);
  if (second == std::string_view::npos) return std::string(path);
  return std::string(path.substr(0, second)) + std::string(kMore);
}

std::string shortened(std::string text, std::span<const std::string> known) {
  std::vector<std::string> longest_first(known.begin(), known.end());
  std::ranges::sort(longest_first, std::ranges::greater{}, &std::string::size);
  for (const std::string& path : longest_first) replace_known(text, path);
  std::string result;
  for (size_t at = 0; at < text.size();) {
    if (!begins_path(text, at)) {
      result += text[at++];
      continue;
    }
    const size_t end = std::min(text.find_first_of(kEnds, at), text.size());
    result += shortened_path(std::string_view(text).substr(at, end - at));
    at = end;
  }
  return result;
}

}  // namespace overpass::cli
