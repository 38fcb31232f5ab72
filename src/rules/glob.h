// SPDX-License-Identifier: MIT
//
// One name of a path against one part of a pattern, by git's rules: '*', '?', [a-z], [[:alpha:]],
// and '\' before a literal character. Bytes are compared, whatever they spell.

#ifndef OVERPASS_RULES_GLOB_H_
#define OVERPASS_RULES_GLOB_H_

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"

namespace overpass::rules {

class Glob {
 public:
  /// Understands `text`, which has no '/' outside of brackets. A problem names what is wrong in it.
  static Expected<Glob> parse(std::string_view text);

  /// Takes time proportional to the product of the lengths at most.
  bool matches(std::string_view name) const;

  /// Whether it stands for one name only, which literal() is.
  bool is_literal() const { return kind_ == Kind::Literal; }
  const std::string& literal() const { return literal_; }

 private:
  /// What most patterns are needs no search.
  enum class Kind : uint8_t { Literal, Any, Suffix, Prefix, General };
  enum class TokenKind : uint8_t { Byte, AnyByte, Set, Star };
  struct Token {
    TokenKind kind;
    unsigned char byte = 0;
    uint16_t set = 0;  ///< An index of sets_.
  };
  using ByteSet = std::bitset<256>;

  /// Reads the bracket expression behind the '[' at `at`; `at` is behind its ']' then.
  Expected<void> read_set(std::string_view text, size_t& at);
  Expected<void> read_tokens(std::string_view text);
  void choose_kind();
  bool takes(const Token& token, unsigned char byte) const;
  bool searches(std::string_view name) const;

  /// Whether the ends of `name` can be taken: most names end a search here.
  bool takes_ends(std::string_view name) const;

  Kind kind_ = Kind::General;
  std::string literal_;  ///< Of the kinds that have one.
  std::vector<Token> tokens_;
  std::vector<ByteSet> sets_;
};

/// The position behind the bracket expression that begins at `begin` in `text`; npos if it has no
/// end. For those who look for characters outside of brackets.
size_t behind_bracket(std::string_view text, size_t begin);

}  // namespace overpass::rules

#endif  // OVERPASS_RULES_GLOB_H_
