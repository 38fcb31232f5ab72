// SPDX-License-Identifier: MIT

#include "layer/prepare_override.h"

#include "layer/named_directory.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::layer {

namespace {

/// As a layer whose root has one of them keeps overrides; the rest of it does likewise.
StatOverride kind_of(BorrowedFd root, StatOverride wanted) {
  const auto has = [&](StatOverride kind) {
    return sys::get_xattr(sys::place_of(root), name_of(kind), {}).has_value();
  };
  if (has(wanted)) return wanted;
  const bool is_former = wanted == StatOverride::User && has(StatOverride::FormerUser);
  return is_former ? StatOverride::FormerUser : StatOverride::None;
}

}  // namespace

Expected<void> prepare_override(LayerStack& stack, StatOverride kind) {
  if (kind == StatOverride::None) return {};
  for (Layer& layer : stack.layers) {
    if (layer.is_present) layer.stat_override = kind_of(layer.root, kind);
  }
  Layer& upper = stack.layers[kUpper];
  if (!upper.is_present || upper.stat_override != StatOverride::None) return {};
  const sys::Place root = sys::place_of(upper.root);
  const auto stat = sys::stat(root);
  const auto written = stat ? sys::set_xattr(root, name_of(kind), encode_override(*stat))
                            : Result<void>(fail(stat.error()));
  if (!written) {
    return problem("xattr_permissions: upperdir " + quoted(upper.path) + " does not take " +
                       name_of(kind) + ": " + text_of(written.error()),
                   kind == StatOverride::Privileged
                       ? "use xattr_permissions=2, which needs no privilege"
                       : "use a file system that keeps attributes of users for the upper");
  }
  upper.stat_override = kind;
  return {};
}

}  // namespace overpass::layer
