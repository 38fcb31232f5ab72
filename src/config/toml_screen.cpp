// SPDX-License-Identifier: MIT
//
// A walk that knows TOML's strings and comments and nothing else of it.

#include "config/toml_screen.h"

#include <algorithm>

namespace overpass::config {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  std::optional<TomlPlace> find() {
    if (text_.starts_with(kByteOrderMark)) next_ = kByteOrderMark.size();
    while (next_ < text_.size()) {
      const char c = text_[next_];
      if (static_cast<unsigned char>(c) >= 0x80) {
        return TomlPlace{line_, column_};
      }
      if (c == '#') {
        skip_comment();
      } else if (c == '"' || c == '\'') {
        skip_string(c);
      } else {
        advance();
      }
    }
    return std::nullopt;
  }

 private:
  void advance() {
    const auto byte = static_cast<unsigned char>(text_[next_++]);
    if (byte == '\n') {
      ++line_;
      column_ = 1;
    } else if ((byte & 0xc0) != 0x80) {  // Not a later byte of a UTF-8 sequence.
      ++column_;
    }
  }

  void advance_by(size_t count) {
    for (; count > 0 && next_ < text_.size(); --count) advance();
  }

  void skip_comment() {
    while (next_ < text_.size() && text_[next_] != '\n') advance();
  }

  size_t count_of(char quote) const {
    const size_t end = text_.find_first_not_of(quote, next_);
    return std::min(end, text_.size()) - next_;
  }

  void skip_string(char quote) {
    const bool is_long = count_of(quote) >= 3;
    advance_by(is_long ? 3 : 1);
    while (next_ < text_.size()) {
      const char c = text_[next_];
      if (c == '\\' && quote == '"') {
        advance_by(2);
      } else if (!is_long && (c == quote || c == '\n')) {
        if (c == quote) advance();
        return;
      } else if (is_long && c == quote && count_of(quote) >= 3) {
        advance_by(std::min<size_t>(count_of(quote), 5));  // Two quotes may end the content.
        return;
      } else {
        advance();
      }
    }
  }

  std::string_view text_;
  size_t next_ = 0;
  uint32_t line_ = 1;
  uint32_t column_ = 1;
};

}  // namespace

std::optional<TomlPlace> find_stray_character(std::string_view text) { return Walk(text).find(); }

}  // namespace overpass::config
