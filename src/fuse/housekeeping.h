// SPDX-License-Identifier: MIT
//
// Keeps the daemon's memory in proportion to what is used of the mount. The kernel remembers every
// inode that it ever looked up until it wants the memory itself, and the daemon must remember what
// the kernel does: past a bound it asks the kernel to forget some. And what the allocator keeps of
// inodes that went is given back to the system.

#ifndef OVERPASS_FUSE_HOUSEKEEPING_H_
#define OVERPASS_FUSE_HOUSEKEEPING_H_

#include <atomic>
#include <cstddef>

#include "fuse/notifier.h"
#include "overlay/state/inode_table.h"

namespace overpass::fuse {

/// Threads: any. What takes long is done by the notifier's thread, for which no request waits.
class Housekeeping {
 public:
  /// `most_inodes`: how many inodes may be kept before the kernel is asked to forget idle ones; 0
  /// for any number. Both references outlive this.
  Housekeeping(overlay::InodeTable& table, Notifier& notifier, size_t most_inodes);
  ~Housekeeping();
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

  // Call these often: each costs a look at one or two numbers.

  void entry_was_sent() {
    if (most_ != 0 && table_.size() > look_above_.load(std::memory_order_relaxed)) ask_to_prune();
  }
  void inodes_were_forgotten() {
    if (is_much_unused()) ask_to_trim();
  }

  /// Whether the kernel can be asked; not known, and true, until the bound was passed once.
  bool can_prune() const { return can_prune_.load(std::memory_order_relaxed); }

 private:
  bool is_much_unused() const;
  void ask_to_prune();
  void ask_to_trim();
  void prune();
  /// Whether FORGETs of what was sent have yet to come.
  bool still_waits();
  /// Asks the kernel to forget what is too much of `size` inodes; how many it was asked for.
  size_t send(size_t size);
  void trim();

  overlay::InodeTable& table_;
  Notifier& notifier_;
  const size_t most_;
  std::atomic<size_t> look_above_;  ///< Number of inodes from which on it is worth another look.
  std::atomic<bool> can_prune_ = true;
  std::atomic<bool> will_prune_ = false;
  std::atomic<bool> will_trim_ = false;
  Chore pruning_{[this] { prune(); }};
  Chore trimming_{[this] { trim(); }};
  // The notifier's thread's own.
  uint64_t gone_before_ = 0;  ///< InodeTable::gone() when nodes were last sent to the kernel.
  size_t sent_ = 0;           ///< How many that were; 0 when nothing is waited for.
  unsigned doublings_ = 0;    ///< Of the time to wait for them.
  size_t size_at_trim_ = 0;   ///< When trimming was last put off.
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_HOUSEKEEPING_H_
