// SPDX-License-Identifier: MIT
//
// The union as a whole: what every operation of this folder takes as its first argument. Operations
// are free functions in files of their own; this holds their state.

#ifndef OVERPASS_OVERLAY_STATE_OVERLAY_H_
#define OVERPASS_OVERLAY_STATE_OVERLAY_H_

#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "layer/layer_stack.h"
#include "overlay/state/backing.h"
#include "overlay/state/base_log.h"
#include "overlay/state/caller.h"
#include "overlay/state/copies_under_way.h"
#include "overlay/state/descriptor_budget.h"
#include "overlay/state/flocks.h"
#include "overlay/state/inode_number.h"
#include "overlay/state/inode_table.h"
#include "overlay/state/killable_calls.h"
#include "overlay/state/lower_names.h"
#include "overlay/state/mount.h"
#include "overlay/state/owners.h"
#include "overlay/state/removals.h"
#include "overlay/state/shared_fd.h"
#include "overlay/state/transfers.h"
#include "rules/table.h"

namespace overpass::overlay {

/// lower_changes=: what becomes of a file or directory whose lower has changed.
enum class LowerChanges : uint8_t { Warn, Refuse, Follow };

/// Constant after the mount.
struct Settings {
  bool read_only = false;
  bool is_volatile = false;     ///< Copies are not synced.
  bool durable_copies = false;  ///< copy_up=durable.
  LowerChanges lower_changes = LowerChanges::Warn;
  bool cached_lower_io = false;  ///< lower_io=cached.
  /// Serves lower files cached if their name matches one of these (glob(7)).
  std::vector<std::string> cached_names = {};
  bool verifies_copies = false;  ///< verify_copy_up=on.
  bool acls = true;              ///< POSIX ACLs are kept, shown and copied.
  bool xattrs = true;            ///< Callers have extended attributes.
  bool static_nlink = false;     ///< Directories show one link.
  bool access_times = true;      ///< Reading changes those of the upper's files.
  Owners owners = {};
  rules::Table rules = {};
  bool judges_known_names = false;  ///< Inodes may be known by names that rules hide by now.
  bool tells_of_rules = false;      ///< Events of rules go to the mount (rule_events.h).
  /// The upper may be frozen (freeze/freeze.h). Offsets in listings then mean the same before and
  /// after: directories of the upper alone are not streamed with those of its file system.
  bool may_be_frozen = false;
};

/// An inode whose name leads to another file of its lower, which is not to be used.
struct RefusedInode : Cached {
  explicit RefusedInode(InodeRef refused) : inode(std::move(refused)) {}
  size_t weight() const { return 1; }

  InodeRef inode;
};
inline constexpr size_t kMostRefused = 65'536;

/// The state of one mounted union. Operations are free functions that take it as their first
/// argument. Nothing here knows which kernel interface calls them: `Mount` and `BackingFiles` stand
/// for it.
///
/// Invariants:
/// 1. Layers and settings never change after the mount, so they are read without a lock. Layers do
///    at a freeze (freeze/freeze.h), while no other thread uses the union.
///    `writeback` is set at INIT, before the first operation. (`has_protected_uppers` is atomic and
///    may be raised later.)
/// 2. `table` is the last member but for inodes: those that go with it give back what they hold in
///    the others.
///
/// Threads: any. Each member of the second group guards itself; its header says which locks a
/// caller may hold. lock_rank.h is the lock order.
struct Overlay {
  /// `shown_by` and `files` outlive it.
  Overlay(layer::LayerStack layers, Settings chosen, Mount& shown_by, BackingFiles& files);

  // Constant, but for the layers at a freeze.
  layer::LayerStack stack;
  const Settings settings;
  Mount& mount;
  BackingFiles& backing_files;
  bool writeback = false;  ///< The kernel gathers what is written. Set at INIT.
  /// Whether files of the upper may carry the protattr mark (protection.h).
  std::atomic<bool> has_protected_uppers;
  /// How many operations rules have refused, for the status.
  mutable std::atomic<uint64_t> refused_by_rules = 0;
  /// Counts how often all that is kept of lowers was to be forgotten.
  std::atomic<uint32_t> refreshes = 0;
  /// While changes are carried to the lowest lower: what it has by then is not merged into
  /// directories in memory before the layers that have it too are taken out (layer_removal.h).
  std::atomic<bool> holds_directories = false;
  /// Renames that a former daemon made and did not answer, by the numbers of their requests
  /// (find/restore.h). Constant once requests are served.
  std::set<uint64_t> renamed_before;
  /// Directories of the lowest lower that may be moved there meanwhile: they are reached by these
  /// descriptors (`beneath`), not by their paths. The longest path first. Changes only while no
  /// other thread uses the union.
  HiddenNames pinned;
  SharedFd index;               ///< The index directory; null without one (index.h).
  std::vector<SharedFd> roots;  ///< O_PATH, of each layer by index; empty for a missing upper.

  // With locks of their own. The table late, since inodes give back what they hold elsewhere.
  DescriptorBudget descriptors;  ///< Outlives all that is counted.
  Transfers transfers;
  CopiesUnderWay copies;
  InodeNumbers numbers;
  Flocks flocks;
  KillableCalls killable_calls;
  Removals removals;
  BaseLog base;  ///< Kept for unions whose changes may be carried back.
  FdCache directory_fds;
  FdCache orphan_fds;
  FdCache reader_fds;  ///< Of files passed through to readers, while they are in use.
  ClockCache<LowerNames> listings;
  ClockCache<BackingId> idle_backings;
  InodeTable table;
  /// Inodes that are stale for good, with lower_changes=refuse: forgotten, they would be found
  /// anew.
  ClockCache<RefusedInode> refused{kMostRefused};

  /// Whether changes are possible at all; EROFS otherwise.
  bool is_writable() const { return stack.has_upper() && !settings.read_only; }
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_OVERLAY_H_
