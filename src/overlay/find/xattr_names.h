// SPDX-License-Identifier: MIT
//
// Under which names attributes of the union are stored in a layer, and which stored ones are shown.
// The format's own are not; neither are those that stand for something else: overrides of owner
// and mode, ACLs on a mount without them.

#ifndef OVERPASS_OVERLAY_FIND_XATTR_NAMES_H_
#define OVERPASS_OVERLAY_FIND_XATTR_NAMES_H_

#include <optional>
#include <string>
#include <string_view>

#include "layer/layer_stack.h"

namespace overpass::overlay {

struct Overlay;

/// The rights of a program that is not root's (capabilities(7)).
inline constexpr char kCapability[] = "security.capability";

inline constexpr char kAccessAcl[] = "system.posix_acl_access";

/// system.posix_acl_access and system.posix_acl_default.
bool is_acl(std::string_view name);

/// The name under which a caller's attribute `name` is stored in `layer`. In a layer whose
/// overrides are attributes of users, the security namespace is kept beside them, as
/// fuse-overlayfs(1) does: the real one is for the privileged. shown_name() of the result is
/// `name`, or nothing where the caller cannot have it.
std::string stored_name(const Overlay& overlay, layer::LayerIndex layer, std::string_view name);

/// The name under which `layer`'s attribute `stored` is shown; nothing when it is not.
std::optional<std::string> shown_name(const Overlay& overlay, layer::LayerIndex layer,
                                      std::string_view stored);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_XATTR_NAMES_H_
