// SPDX-License-Identifier: MIT
//
// What a bracket expression means follows git's wildmatch.c.

#include "rules/glob.h"

#include <utility>

namespace overpass::rules {

namespace {

using Bytes = std::bitset<256>;

void add_range(Bytes& set, unsigned char first, unsigned char last) {
  for (unsigned byte = first; byte <= last; ++byte) set.set(byte);
}

/// The bytes of a class of characters, in ASCII; empty for an unknown name.
Bytes class_of(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kRanges[] = {
      {"alnum", "09AZaz"},   {"alpha", "AZaz"},
      {"blank", "\t\t  "},   {"cntrl", "\x01\x1f\x7f\x7f"},
      {"digit", "09"},       {"graph", "!~"},
      {"lower", "az"},       {"print", " ~"},
      {"punct", "!/:@[`{~"}, {"space", "\t\r  "},
      {"upper", "AZ"},       {"xdigit", "09AFaf"}};
  Bytes set;
  for (const auto& [known, ranges] : kRanges) {
    if (known != name) continue;
    for (size_t i = 0; i < ranges.size(); i += 2) {
      add_range(set, static_cast<unsigned char>(ranges[i]),
                static_cast<unsigned char>(ranges[i + 1]));
    }
  }
  return set;
}

std::unexpected<Problem> unclosed() {
  return problem("its '[' has no ']'", "write '\\[' for a '[' in a name");
}

std::unexpected<Problem> dangling() {
  return problem("it ends in a single '\\'", "write '\\\\' for a '\\' in a name");
}

}  // namespace

size_t behind_bracket(std::string_view text, size_t begin) {
  size_t at = begin + 1;
  if (at < text.size() && (text[at] == '!' || text[at] == '^')) ++at;
  bool may_be_range = false;  // What stands before `at` can begin one.
  for (bool is_first = true; at < text.size(); is_first = false) {
    if (text[at] == ']' && !is_first) return at + 1;
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (text[at] == '-' && may_be_range && next != '\0' && next != ']') {
      at += next == '\\' ? 3 : 2;
      may_be_range = false;
      continue;
    }
    if (text[at] == '[' && next == ':') {
      const size_t end = text.find(']', at + 2);
      if (end == std::string_view::npos) return end;
      may_be_range = end == at + 2 || text[end - 1] != ':';
      at = may_be_range ? at + 1 : end + 1;
      continue;
    }
    at += text[at] == '\\' ? 2 : 1;
    may_be_range = true;
  }
  return std::string_view::npos;
}

Expected<void> Glob::read_set(std::string_view text, size_t& at) {
  const size_t end = behind_bracket(text, at);
  if (end == std::string_view::npos) return unclosed();
  size_t i = at + 1;
  at = end;
  const bool is_negated = text[i] == '!' || text[i] == '^';
  if (is_negated) ++i;
  Bytes set;
  unsigned char previous = 0;  // 0: no range can begin there.
  while (i < end - 1) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '-' && previous != 0 && i + 1 < end - 1) {
      i += text[i + 1] == '\\' ? 2 : 1;
      add_range(set, previous, static_cast<unsigned char>(text[i++]));
      previous = 0;
      continue;
    }
    if (byte == '[' && text[i + 1] == ':') {
      const size_t close = text.find(']', i + 2);
      if (close > i + 2 && text[close - 1] == ':') {
        const std::string_view name = text.substr(i + 2, close - i - 3);
        const Bytes known = class_of(name);
        if (known.none()) {
          return problem("it has the unknown class '[:" + std::string(name) + ":]'",
                         "the classes are those of glob(7): alpha, digit, ...");
        }
        set |= known;
        i = close + 1;
        previous = 0;
        continue;
      }
    }
    if (byte == '\\') byte = static_cast<unsigned char>(text[++i]);
    set.set(byte);
    previous = byte;
    ++i;
  }
  if (is_negated) set.flip();
  tokens_.push_back({TokenKind::Set, 0, static_cast<uint16_t>(sets_.size())});
  sets_.push_back(set);
  return {};
}

Expected<void> Glob::read_tokens(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const char byte = text[at];
    if (byte == '[') {
      if (auto ok = read_set(text, at); !ok) return ok;
      continue;
    }
    if (byte == '*') {
      const bool follows_star = !tokens_.empty() && tokens_.back().kind == TokenKind::Star;
      if (!follows_star) tokens_.push_back({TokenKind::Star});
    } else if (byte == '?') {
      tokens_.push_back({TokenKind::AnyByte});
    } else {
      if (byte == '\\' && ++at == text.size()) return dangling();
      tokens_.push_back({TokenKind::Byte, static_cast<unsigned char>(text[at])});
    }
    ++at;
  }
  return {};
}

void Glob::choose_kind() {
  size_t stars = 0;
  for (const Token& token : tokens_) {
    if (token.kind == TokenKind::Byte) {
      literal_ += static_cast<char>(token.byte);
    } else if (token.kind != TokenKind::Star) {
      return;
    } else {
      ++stars;
    }
  }
  if (stars == 0) {
    kind_ = Kind::Literal;
  } else if (tokens_.size() == 1) {
    kind_ = Kind::Any;
  } else if (stars == 1 && tokens_.front().kind == TokenKind::Star) {
    kind_ = Kind::Suffix;
  } else if (stars == 1 && tokens_.back().kind == TokenKind::Star) {
    kind_ = Kind::Prefix;
  }
}

Expected<Glob> Glob::parse(std::string_view text) {
  Glob glob;
  if (auto ok = glob.read_tokens(text); !ok) return std::unexpected(ok.error());
  glob.choose_kind();
  return glob;
}

bool Glob::takes(const Token& token, unsigned char byte) const {
  switch (token.kind) {
    case TokenKind::Byte:
      return token.byte == byte;
    case TokenKind::AnyByte:
      return true;
    case TokenKind::Set:
      return sets_[token.set].test(byte);
    case TokenKind::Star:
      break;
  }
  return false;
}

bool Glob::takes_ends(std::string_view name) const {
  if (name.empty() || tokens_.empty()) return name.empty() == tokens_.empty();
  const Token& first = tokens_.front();
  const Token& last = tokens_.back();
  return (first.kind == TokenKind::Star ||
          takes(first, static_cast<unsigned char>(name.front()))) &&
         (last.kind == TokenKind::Star || takes(last, static_cast<unsigned char>(name.back())));
}

/// Only the last star that was passed has to be tried with more bytes: what an earlier one could
/// take instead, the last one can take as well.
bool Glob::searches(std::string_view name) const {
  size_t token = 0, byte = 0;
  size_t star = tokens_.size(), taken = 0;  // The last star, and where what it takes ends.
  while (byte < name.size()) {
    if (token < tokens_.size() && tokens_[token].kind == TokenKind::Star) {
      star = token++;
      taken = byte;
    } else if (token < tokens_.size() &&
               takes(tokens_[token], static_cast<unsigned char>(name[byte]))) {
      ++token;
      ++byte;
    } else if (star < tokens_.size()) {
      token = star + 1;
      byte = ++taken;
    } else {
      return false;
    }
  }
  while (token < tokens_.size() && tokens_[token].kind == TokenKind::Star) ++token;
  return token == tokens_.size();
}

bool Glob::matches(std::string_view name) const {
  switch (kind_) {
    case Kind::Literal:
      return name == literal_;
    case Kind::Any:
      return true;
    case Kind::Suffix:
      return name.ends_with(literal_);
    case Kind::Prefix:
      return name.starts_with(literal_);
    case Kind::General:
      break;
  }
  return takes_ends(name) && searches(name);
}

}  // namespace overpass::rules
