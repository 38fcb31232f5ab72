// SPDX-License-Identifier: MIT
//
// "overpass-1:MOUNT:NUMBER:INO:TOP". The last word may have colons.

#include "cli/fsmonitor_token.h"

#include "base/number.h"

namespace overpass::cli {

namespace {

constexpr std::string_view kForm = "overpass-1:";

}  // namespace

std::string text_of(const FsmonitorToken& token) {
  std::string text(kForm);
  for (const uint64_t number : {token.mount, token.number, token.ino}) {
    text += std::to_string(number) + ":";
  }
  return text + token.top;
}

std::optional<FsmonitorToken> read_fsmonitor_token(std::string_view text) {
  if (!text.starts_with(kForm)) return std::nullopt;
  text.remove_prefix(kForm.size());
  FsmonitorToken token;
  for (uint64_t* number : {&token.mount, &token.number, &token.ino}) {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto read = number_of<uint64_t>(text.substr(0, colon));
    if (!read) return std::nullopt;
    *number = *read;
    text.remove_prefix(colon + 1);
  }
  token.top = text;
  return token;
}

}  // namespace overpass::cli
