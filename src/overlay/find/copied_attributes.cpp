// SPDX-License-Identifier: MIT

#include "overlay/find/copied_attributes.h"

#include "overlay/find/layer_stat.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/attribute_copy.h"
#include "overlay/state/open_mode.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

void make_copy(const Overlay& overlay, Inode& inode) {
  OpenMode& opens = *inode.opens;
  if (opens.copy != nullptr || inode.layer != layer::kUpper) return;
  if (overlay.stack.upper().is_remote || upper_overrides(overlay)) return;
  // tmpfs allocates pages as they are written.
  const bool in_memory = overlay.stack.workdir.features().write_order.in_memory;
  opens.copy = std::make_unique<AttributeCopy>(/*allocates_late=*/!in_memory);
}

AttributeCopy* usable_copy(const Inode& inode) {
  const OpenMode* opens = inode.opens.get();
  if (opens == nullptr || opens->copy == nullptr) return nullptr;
  // Changed by others: through the kernel, or through another node.
  if (opens->is_passed_through() || inode.may_be_mapped) return nullptr;
  if (inode.superseded || inode.has_predecessor) return nullptr;
  const bool in_upper = inode.layer == layer::kUpper && inode.data_place() == nullptr;
  return in_upper && !inode.is_stale ? opens->copy.get() : nullptr;
}

std::optional<sys::Stat> settled_attributes(const Inode& inode) {
  const AttributeCopy* copy = usable_copy(inode);
  return copy != nullptr ? copy->settled(inode.opens->reads.ended()) : std::nullopt;
}

std::optional<off_t> settled_size(const Inode& inode) {
  Lock lock(inode.mutex);
  const AttributeCopy* copy = usable_copy(inode);
  return copy != nullptr ? copy->size() : std::nullopt;
}

Look::Look(Inode& inode) : copy_(usable_copy(inode)) {
  if (copy_ != nullptr) reads_ = inode.opens->reads.if_none_under_way();
}

void Look::keep(const sys::Stat& stat) const {
  if (copy_ != nullptr) copy_->copy(stat, reads_);
}

Result<sys::Stat> look_at(Inode& inode, sys::Place file) {
  const Look look(inode);
  const sys::Stat stat = TRY(stat_with_kept_mode(file));
  look.keep(stat);
  return stat;
}

}  // namespace overpass::overlay
