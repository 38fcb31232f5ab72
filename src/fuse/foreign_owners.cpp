// SPDX-License-Identifier: MIT
//
// An owner without an id is shown as 65534, and so is the owner with that id. What tells them apart
// is O_NOATIME, which root of the namespace may ask for on files of mapped owners only.

#include "fuse/foreign_owners.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::fuse {

namespace {

constexpr uint32_t kOverflowId = 65534;

bool is_of_foreign_owner(const layer::Layer& layer) {
  const auto stat = sys::stat(sys::place_of(layer.root));
  if (!stat || stat->stx_uid != kOverflowId) return false;
  const auto opened = sys::reopen(layer.root, O_RDONLY | O_DIRECTORY | O_NOATIME);
  return opened.failed_with(EPERM) || opened.failed_with(EACCES);
}

}  // namespace

void warn_of_foreign_owners(const layer::LayerStack& stack, const config::Options& options) {
  const bool is_squashed = options.squash_to_root || options.squash_to_uid;
  // To a user without privilege, files of others are closed for a simpler reason.
  if (!stack.has_upper() || options.read_only || is_squashed || ::geteuid() != 0) return;
  for (size_t i = 1; i < stack.layers.size(); ++i) {
    const layer::Layer& layer = stack.layers[i];
    if (!layer.is_present || !is_of_foreign_owner(layer)) continue;
    log::warn(
        "the owner of lower directory '%s' has no id in this user namespace: writing to files of "
        "such owners fails with EOVERFLOW (the mount option squash_to_root lets it)",
        layer.path.c_str());
    return;
  }
}

}  // namespace overpass::fuse
