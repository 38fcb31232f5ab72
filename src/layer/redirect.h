// SPDX-License-Identifier: MIT
//
// The value of the redirect mark: where, in the layers below, a directory (or the data of a
// metacopy) is found that no longer stands at its own path. Text to structure only; following it is
// not done here.

#ifndef OVERPASS_LAYER_REDIRECT_H_
#define OVERPASS_LAYER_REDIRECT_H_

#include <optional>
#include <string>
#include <string_view>

namespace overpass::layer {

/// Either "/a/b", from the roots of the layers below, or one component: another name in the same
/// parent directory. No component is empty, ".", "..", longer than NAME_MAX or contains a NUL, so
/// that walking it cannot leave the layer but through a symbolic link, which the walker refuses.
struct Redirect {
  std::string path;

  bool is_absolute() const { return path.front() == '/'; }
  bool operator==(const Redirect&) const = default;
};

/// Longer paths than this, in bytes, are refused: the longest that a system call walks.
inline constexpr size_t kLongestRedirect = 4095;

/// Nothing when `value` is no such path.
std::optional<Redirect> decode_redirect(std::string_view value);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_REDIRECT_H_
