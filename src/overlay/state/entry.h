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
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_ENTRY_H_
