// SPDX-License-Identifier: MIT
//
// The results of operations that make or find a name.

#ifndef OVERPASS_OVERLAY_STATE_ENTRY_H_
#define OVERPASS_OVERLAY_STATE_ENTRY_H_

#include "overlay/state/inode_ref.h"
#include "sys/stat.h"

namespace overpass::overlay {

/// An inode and its attributes as the union shows them.
struct Entry {
  InodeRef inode;
  sys::Stat stat;
  bool has_other_listing = false;  ///< look_at_listing() says so; to be told after the reply.
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_ENTRY_H_
