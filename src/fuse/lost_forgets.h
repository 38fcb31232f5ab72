// SPDX-License-Identifier: MIT
//
// FORGETs that a daemon read and died with: the kernel sends no FORGET again, so their nodes would
// be kept until the mount ends. A daemon that follows asks the kernel which nodes it has.

#ifndef OVERPASS_FUSE_LOST_FORGETS_H_
#define OVERPASS_FUSE_LOST_FORGETS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "fuse/notifier.h"
#include "overlay/state/inode_table.h"

namespace overpass::fuse {

/// A node is forgotten that the kernel did not have at two looks, between which it was not looked
/// up, and once nothing was waiting: a FORGET that was merely late has been read and seen to by
/// then, and a reply that gives the node has arrived. Threads: look() by any; the rest is the
/// notifier's.
class LostForgets {
 public:
  using Milliseconds = std::chrono::milliseconds;

  /// What it asks; set for tests.
  struct Kernel {
    std::function<bool(overlay::NodeId)> has_node;
    /// Requests that no thread has taken yet, or replies under way that give nodes to the kernel.
    std::function<bool()> has_waiting;
  };

  /// All references outlive this.
  LostForgets(overlay::InodeTable& table, Notifier& notifier, Kernel kernel,
              Milliseconds pause = Milliseconds(1000));
  LostForgets(const LostForgets&) = delete;
  LostForgets& operator=(const LostForgets&) = delete;
  ~LostForgets();

  /// Begins. To be called once.
  void look();

 private:
  struct Missing {
    overlay::NodeId node;
    uint64_t lookups;
  };
  enum class Step { First, Waiting, Second };

  void work();
  void look_first();
  void look_again();

  overlay::InodeTable& table_;
  Notifier& notifier_;
  const Kernel kernel_;
  const Milliseconds pause_;
  // The notifier's thread's own.
  Step step_ = Step::First;
  std::vector<overlay::NodeId> nodes_;  ///< Still to be looked at.
  std::vector<Missing> missing_;        ///< At the first look.
  Chore chore_{[this] { work(); }};
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_LOST_FORGETS_H_
