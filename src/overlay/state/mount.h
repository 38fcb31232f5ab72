// SPDX-License-Identifier: MIT
//
// The mount that shows the union, as the union needs it.

#ifndef OVERPASS_OVERLAY_STATE_MOUNT_H_
#define OVERPASS_OVERLAY_STATE_MOUNT_H_

#include <utility>

#include "overlay/state/inode.h"
#include "overlay/state/transfers.h"

namespace overpass::overlay {

/// Tells the kernel what has changed, and has workers (submit()). Threads: any.
class Mount : public Background {
 public:
  /// The attributes that the kernel keeps of `node` are out of date. Done when this returns. The
  /// node is that of a request under way, or of its parent.
  virtual void attributes_changed(NodeId node) = 0;
  /// Done later, for any node; drops the kernel's pages of a file if its size turns out to be
  /// another.
  virtual void attributes_changed_later(NodeId node) = 0;
};

/// No mount: nothing is cached outside, and what blocks is done by the thread that asks for it.
class Unmounted final : public Mount {
 public:
  void attributes_changed(NodeId) override {}
  void attributes_changed_later(NodeId) override {}
  void submit(std::move_only_function<void()> task) override { task(); }
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_MOUNT_H_
