// SPDX-License-Identifier: MIT
//
// A mark that says something unknown is passed over, as overlayfs does.

#include "overlay/find/protection.h"

#include <linux/stat.h>

#include "base/log.h"
#include "layer/markers.h"
#include "overlay/find/ruling.h"
#include "overlay/state/overlay.h"
#include "sys/inode_flags.h"
#include "sys/xattr.h"

namespace overpass::overlay {

Result<void> check_protection(const Overlay& overlay, const Inode& inode, bool appending) {
  TRY(check_read_only_rule(overlay, inode));
  if (inode.is_immutable || (inode.is_append_only && !appending)) return fail(EPERM);
  return {};
}

Result<layer::ProtectionMark> protection_of(sys::Place place, const sys::Stat& stat) {
  if ((stat.stx_attributes & (STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE)) == 0) {
    return layer::ProtectionMark();
  }
  // All that is on a read-only file system may say that it is immutable (erofs).
  const sys::InodeFlags flags = TRY(sys::inode_flags(place));
  return layer::ProtectionMark{.append_only = flags.append_only, .immutable = flags.immutable};
}

Result<layer::ProtectionMark> protection_in(Overlay& overlay, layer::LayerIndex layer,
                                            sys::Place place, const sys::Stat& stat) {
  const bool is_upper = layer == layer::kUpper;
  layer::ProtectionMark mark;
  if ((is_upper || overlay.stack.layers[layer].was_upper) && overlay.has_protected_uppers) {
    mark = TRY(read_protection(overlay, place));
  }
  return is_upper || mark != layer::ProtectionMark() ? mark : protection_of(place, stat);
}

Result<layer::ProtectionMark> read_protection(Overlay& overlay, sys::Place place) {
  const char* name = layer::name_of(layer::Mark::Protattr, overlay.stack.prefix);
  const auto value = sys::get_xattr(place, name);
  if (value.failed_with(ENODATA) || value.failed_with(EOPNOTSUPP)) return layer::ProtectionMark();
  const auto mark = layer::decode_protattr(TRY(value));
  if (!mark) log::warn("'%s': its protattr mark is garbled and passed over", place.name);
  return mark.value_or(layer::ProtectionMark());
}

Result<void> write_protection(Overlay& overlay, sys::Place place, layer::ProtectionMark mark) {
  const char* name = layer::name_of(layer::Mark::Protattr, overlay.stack.prefix);
  const std::string value = layer::encode_protattr(mark);
  if (!value.empty()) {
    overlay.has_protected_uppers = true;
    return sys::set_xattr(place, name, value);
  }
  auto removed = sys::remove_xattr(place, name);
  return removed.failed_with(ENODATA) ? Result<void>() : removed;
}

}  // namespace overpass::overlay
