// SPDX-License-Identifier: MIT
//
// What the kernel sees to before it sends a request: which operations may be under way at the same
// time, and that nothing is done in a directory that was removed.

#ifndef OVERPASS_TESTS_INTERLEAVINGS_VFS_H_
#define OVERPASS_TESTS_INTERLEAVINGS_VFS_H_

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "overlay/state/inode_ref.h"
#include "scheduler.h"

namespace overpass::interleavings {

/// The locks that an operation holds, given back in the reverse order.
using VfsLocks = std::vector<std::shared_ptr<void>>;

/// Threads: any.
class Vfs {
 public:
  /// Without locks only the union's own are left between the operations.
  explicit Vfs(bool has_locks) : has_locks_(has_locks) {}

  /// Takes the lock of an inode (i_rwsem). Of two directories the upper one comes first, and a
  /// directory comes before what is in it.
  void lock(const overlay::InodeRef& inode, VfsLocks& held) {
    if (!has_locks_) return;
    held.push_back(std::make_shared<std::unique_lock<std::shared_mutex>>(at(inode).lock));
  }
  void lock_shared(const overlay::InodeRef& inode, VfsLocks& held) {
    if (!has_locks_) return;
    held.push_back(std::make_shared<std::shared_lock<std::shared_mutex>>(at(inode).lock));
  }
  /// The lock of renames between directories (s_vfs_rename_mutex), before all others.
  void lock_renames(VfsLocks& held) {
    if (!has_locks_) return;
    held.push_back(std::make_shared<std::unique_lock<std::mutex>>(renames_));
  }

  /// Whether it is a directory that was removed (S_DEAD).
  bool is_dead(const overlay::InodeRef& inode) { return at(inode).is_dead; }
  void set_dead(const overlay::InodeRef& inode) { at(inode).is_dead = true; }

  /// For the next run.
  void clear() { nodes_.clear(); }

 private:
  struct Node {
    std::shared_mutex lock;
    bool is_dead = false;
  };

  Node& at(const overlay::InodeRef& inode) {
    const Quietly quietly;
    const std::lock_guard lock(mutex_);
    return nodes_[inode.get()];
  }

  const bool has_locks_;
  std::mutex renames_;
  std::mutex mutex_;
  std::map<const overlay::Inode*, Node> nodes_;
};

}  // namespace overpass::interleavings

#endif  // OVERPASS_TESTS_INTERLEAVINGS_VFS_H_
