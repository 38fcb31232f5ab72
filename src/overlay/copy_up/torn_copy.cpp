// SPDX-License-Identifier: MIT

#include "overlay/copy_up/torn_copy.h"

#include "overlay/find/warn_once.h"
#include "overlay/state/caller.h"
#include "sys/children.h"

namespace overpass::overlay {

namespace {

constexpr int kFirstPauseMs = 5;  ///< Each further one is twice as long.

}  // namespace

Result<void> until_whole(Inode& inode, bool may_wait, const std::function<Result<bool>()>& copy) {
  for (int copies = 1;; ++copies) {
    if (TRY(copy())) return {};
    if (!may_wait) return fail(kMustWait);
    if (copies == kMostCopies) break;
    sys::pause_for(kFirstPauseMs << (copies - 1));
  }
  const UnionName name = union_name_of(inode);
  warn_once(*name.parent, name.name.c_str(),
            "it is written in the lower while it is copied up, so it is not copied (EBUSY)");
  return fail(EBUSY);
}

}  // namespace overpass::overlay
