// SPDX-License-Identifier: MIT

#include "sys/mountinfo.h"

#include <algorithm>

namespace overpass::sys {

namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

}  // namespace

std::string_view cut_word(std::string_view& rest, char separator) {
  const size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

std::optional<MountLine> read_mount_line(std::string_view line) {
  MountLine read;
  read.id = cut_word(line, ' ');
  (void)cut_word(line, ' ');
  for (std::string_view* word : {&read.device, &read.root, &read.mountpoint, &read.options}) {
    *word = cut_word(line, ' ');
  }
  const std::string_view tags = line;
  std::string_view tag = cut_word(line, ' ');
  while (tag != "-" && !line.empty()) tag = cut_word(line, ' ');
  if (tag != "-") return std::nullopt;
  const auto length = static_cast<size_t>(tag.data() - tags.data());
  read.tags = tags.substr(0, length == 0 ? 0 : length - 1);
  read.type = cut_word(line, ' ');
  read.source = cut_word(line, ' ');
  read.super_options = cut_word(line, ' ');
  if (read.type.empty() || read.super_options.empty()) return std::nullopt;
  return read;
}

std::string without_escapes(std::string_view word) {
  std::string text;
  for (size_t i = 0; i < word.size(); ++i) {
    const bool is_escape = word[i] == '\\' && i + 3 < word.size() && is_octal(word[i + 1]) &&
                           is_octal(word[i + 2]) && is_octal(word[i + 3]);
    if (!is_escape) {
      text += word[i];
      continue;
    }
    const int code = (word[i + 1] - '0') * 64 + (word[i + 2] - '0') * 8 + (word[i + 3] - '0');
    text += static_cast<char>(code);
    i += 3;
  }
  return text;
}

}  // namespace overpass::sys
