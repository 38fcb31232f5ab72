// SPDX-License-Identifier: MIT
//
// The kernel forgets what it is asked to a moment later (FORGET), or not at all if it is in use
// there, which only the kernel knows. So the daemon asks, waits, and goes on while that helps.

#include "fuse/housekeeping.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "sys/process.h"

namespace overpass::fuse {

namespace {

using namespace std::chrono_literals;

/// So many inodes make it worth while to look through the heap: about 2 MiB of them.
constexpr size_t kWorthTrimming = 8192;
/// Until a burst of FORGETs is over.
constexpr auto kTrimDelay = 300ms;
/// Until the FORGETs have come that a notification brings about.
constexpr auto kPruneDelay = 20ms;
constexpr size_t kPrunedAtOnce = 8192;

/// Going a little below the bound keeps the clock from turning at every lookup.
size_t margin_of(size_t inodes) { return inodes / 16 + 1; }

}  // namespace

Housekeeping::Housekeeping(overlay::InodeTable& table, Notifier& notifier, size_t most_inodes)
    : table_(table), notifier_(notifier), most_(most_inodes), look_above_(most_inodes) {
  notifier_.add(pruning_);
  notifier_.add(trimming_);
}

Housekeeping::~Housekeeping() {
  notifier_.remove(pruning_);
  notifier_.remove(trimming_);
}

bool Housekeeping::is_much_unused() const {
  const size_t unused = table_.fallen();
  return unused >= kWorthTrimming && unused >= table_.size() / 4;
}

void Housekeeping::ask_to_prune() {
  if (!can_prune() || will_prune_.exchange(true)) return;
  notifier_.ask_for(pruning_, 0ms);
}

void Housekeeping::ask_to_trim() {
  if (will_trim_.exchange(true)) return;
  notifier_.ask_for(trimming_, kTrimDelay);
}

void Housekeeping::prune() {
  will_prune_ = false;
  const size_t size = table_.size();
  const bool helped = sent_ == 0 || size + sent_ / 4 <= size_before_;
  size_before_ = size;
  sent_ = 0;
  if (size <= most_) return look_above_.store(most_);
  // Until it is known that asking helped.
  look_above_.store(size + margin_of(size));
  if (!helped) return;
  const size_t wanted = std::min(size - most_ + margin_of(most_), kPrunedAtOnce);
  const std::vector<overlay::NodeId> idle = table_.find_idle(wanted);
  if (idle.empty()) return;
  const auto pruned = notifier_.forget_idle(idle);
  if (pruned.failed_with(EINVAL)) {
    can_prune_ = false;
    return log::warn("max_idle_inodes: this kernel cannot be asked to forget (Linux 6.18 can)");
  }
  if (!pruned) return;
  sent_ = idle.size();
  if (!will_prune_.exchange(true)) notifier_.ask_for(pruning_, kPruneDelay);
}

void Housekeeping::trim() {
  will_trim_ = false;
  const size_t size = table_.size();
  if (size < size_at_trim_ || size_at_trim_ == 0) {
    // More may be on their way.
    size_at_trim_ = size;
    return ask_to_trim();
  }
  size_at_trim_ = 0;
  if (!is_much_unused()) return;
  table_.shrink();
  sys::give_back_memory();
}

}  // namespace overpass::fuse
