// SPDX-License-Identifier: MIT
//
// One pass over the components.

#include "layer/redirect.h"

#include <limits.h>

namespace overpass::layer {

namespace {

bool is_component(std::string_view name) {
  return !name.empty() && name.size() <= NAME_MAX && name != "." && name != ".." &&
         name.find('\0') == std::string_view::npos;
}

}  // namespace

std::optional<Redirect> decode_redirect(std::string_view value) {
  if (value.empty() || value.size() > kLongestRedirect) return {};
  const bool is_absolute = value.front() == '/';
  std::string_view rest = is_absolute ? value.substr(1) : value;
  while (true) {
    const size_t slash = rest.find('/');
    if (!is_component(rest.substr(0, slash))) return {};
    if (slash == std::string_view::npos) return Redirect{std::string(value)};
    if (!is_absolute) return {};
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace overpass::layer
