// SPDX-License-Identifier: MIT
//
// Word by word. "workdir" is the directory's name in the language of overlayfs as well; it is the
// option only before a path.

#include "config/file_words.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace overpass::config {

namespace {

struct Pair {
  std::string_view option;
  std::string_view key;
};

constexpr Pair kWords[] = {
    {"option", "key"}, {"lowerdir", "lower"}, {"upperdir", "upper"}, {"datadir", "data"}};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

std::string_view key_of(std::string_view word, std::string_view rest) {
  const bool before_path = rest.starts_with(" '") || rest.starts_with(" directory '");
  if (word == "workdir" && before_path) return "work";
  const auto* found = std::find_if(std::begin(kWords), std::end(kWords),
                                   [&](const Pair& pair) { return pair.option == word; });
  return found == std::end(kWords) ? word : found->key;
}

std::string translated(std::string_view text) {
  std::string result;
  bool is_quoted = false;
  while (!text.empty()) {
    const auto* end = std::find_if_not(text.begin(), text.end(), is_letter);
    const std::string_view word = text.substr(0, static_cast<size_t>(end - text.begin()));
    text.remove_prefix(word.size());
    result += is_quoted ? word : key_of(word, text);
    if (text.empty()) break;
    if (text.front() == '\'') is_quoted = !is_quoted;
    result += text.front();
    text.remove_prefix(1);
  }
  return result;
}

}  // namespace

Problem in_words_of_file(const Problem& problem) {
  return {translated(problem.cause), translated(problem.remedy)};
}

}  // namespace overpass::config
