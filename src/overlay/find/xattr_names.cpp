// SPDX-License-Identifier: MIT

#include "overlay/find/xattr_names.h"

#include "layer/stat_override.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

namespace {

constexpr std::string_view kSecurity = "security.";
/// Of containers/storage: "user.containers.override_security.capability", and the override itself.
constexpr std::string_view kOverridePrefix = "user.containers.override_";

bool keeps_security_aside(const Overlay& overlay, layer::LayerIndex layer) {
  return overlay.stack.layers[layer].stat_override == layer::StatOverride::User;
}

}  // namespace

bool is_acl(std::string_view name) { return name.starts_with("system.posix_acl_"); }

std::string stored_name(const Overlay& overlay, layer::LayerIndex layer, std::string_view name) {
  if (name.starts_with(kSecurity) && keeps_security_aside(overlay, layer)) {
    return std::string(kOverridePrefix).append(name);
  }
  return layer::stored_xattr_name(name, overlay.stack.prefix);
}

std::optional<std::string> shown_name(const Overlay& overlay, layer::LayerIndex layer,
                                      std::string_view stored) {
  if (is_acl(stored) && !overlay.settings.acls) return {};
  if (keeps_security_aside(overlay, layer)) {
    if (stored.starts_with(kSecurity)) return {};
    if (stored.starts_with(kOverridePrefix)) {
      stored.remove_prefix(kOverridePrefix.size());
      if (!stored.starts_with(kSecurity)) return {};
      return std::string(stored);
    }
  }
  if (layer::is_override_xattr(stored, overlay.stack.layers[layer].stat_override)) return {};
  return layer::shown_xattr_name(stored, overlay.stack.prefix);
}

}  // namespace overpass::overlay
