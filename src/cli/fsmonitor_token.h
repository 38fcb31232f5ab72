// SPDX-License-Identifier: MIT
//
// What git keeps in its index and gives to the next `overpass fsmonitor`: up to where the names
// that have gone were told, and of which directory of which mount. A name that is told twice does
// no harm; one that is taken for told does.

#ifndef OVERPASS_CLI_FSMONITOR_TOKEN_H_
#define OVERPASS_CLI_FSMONITOR_TOKEN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace overpass::cli {

/// Without its members it is the token of no directory, after which all is told anew.
struct FsmonitorToken {
  uint64_t mount = 0;   ///< Of overlay::Removals, which gives no 0.
  uint64_t number = 0;  ///< The same.
  uint64_t ino = 0;     ///< Of the top of the work tree.
  std::string top;      ///< Its path from the root of the union.

  /// Whether both are of one directory of one mount.
  bool is_of_same(const FsmonitorToken& other) const {
    return mount == other.mount && ino == other.ino && top == other.top;
  }
};

/// Without a NUL.
std::string text_of(const FsmonitorToken& token);

/// Nothing for what text_of() has not written: a token of another program, a time.
std::optional<FsmonitorToken> read_fsmonitor_token(std::string_view text);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_FSMONITOR_TOKEN_H_
