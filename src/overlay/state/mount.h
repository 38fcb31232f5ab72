// SPDX-License-Identifier: MIT
//
// The mount that shows the union, as the union needs it.

#ifndef OVERPASS_OVERLAY_STATE_MOUNT_H_
#define OVERPASS_OVERLAY_STATE_MOUNT_H_

#include <sys/types.h>

#include <string>
#include <utility>

#include "overlay/state/inode.h"
#include "overlay/state/transfers.h"

namespace overpass::overlay {

/// An operation on something that rules apply to.
struct RuleEvent {
  const char* operation;      ///< "open", "write-open", "create", "unlink", "rename", ...
  std::string path;           ///< From the union's root, beginning with '/'.
  std::string new_path = {};  ///< Of a rename.
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t thread = 0;
  int error = 0;  ///< The errno with which it failed; 0 if it succeeded.
};

/// Tells the kernel what has changed, and has workers (submit()). Threads: any.
class Mount : public Background {
 public:
  /// The attributes that the kernel keeps of `node` are out of date. Done when this returns. The
  /// node is that of a request under way, or of its parent.
  virtual void attributes_changed(NodeId node) = 0;
  /// Done later, for any node; drops the kernel's pages of a file if its size turns out to be
  /// another.
  virtual void attributes_changed_later(NodeId node) = 0;
  /// The listing that the kernel keeps of the directory `node` is out of date. Done later, and
  /// after the reply to a request that tells attributes of it: the kernel would take none of those.
  virtual void listing_changed_later(NodeId node) = 0;
  /// The file of `node` is open and may lose its last name now: it is to outlive the daemon as well
  /// (survive=on). And: it is not needed any more.
  virtual void keep_file(NodeId, BorrowedFd) {}
  virtual void drop_file(NodeId) {}
  /// What the request asks for has been done, and what is left does not show on disk.
  virtual void note_done(uint64_t) {}
  /// What rules have to say is wanted somewhere (Settings::tells_of_rules). No lock is held.
  virtual void tell(const RuleEvent&) {}
};

/// No mount: nothing is cached outside, and what blocks is done by the thread that asks for it.
class Unmounted final : public Mount {
 public:
  void attributes_changed(NodeId) override {}
  void attributes_changed_later(NodeId) override {}
  void listing_changed_later(NodeId) override {}
  void submit(std::move_only_function<void()> task) override { task(); }
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_MOUNT_H_
