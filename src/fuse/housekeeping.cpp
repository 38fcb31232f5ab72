// SPDX-License-Identifier: MIT
//
// The kernel forgets a node a moment after it was asked (FORGET). It keeps nodes that are in use,
// and only the kernel knows which. So the daemon asks, waits, and goes on while that helps.
// Otherwise it asks again much later, or when there are more inodes.

#include "fuse/housekeeping.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/log.h"
#include "sys/process.h"

namespace overpass::fuse {

namespace {

using namespace std::chrono_literals;

/// So many inodes make it worth while to look through the heap: about 250 KiB of them.
constexpr size_t kWorthTrimming = 1024;
/// Until a burst of FORGETs is over.
constexpr auto kTrimDelay = 300ms;
/// Until the FORGETs have come that a notification brings about: at first, doubled as often as this
/// was too short, and when to give up.
constexpr auto kPruneDelay = 10ms;
constexpr unsigned kMostDoublings = 7;
/// Until the next attempt when what is asked for is in use.
constexpr auto kRetryDelay = 10s;
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

bool Housekeeping::still_waits() {
  // Some may be in use. Others may go at the same time; that does no harm.
  const bool have_come = table_.gone() - gone_before_ >= sent_ / 4 + 1;
  if (sent_ == 0 || have_come || doublings_ == kMostDoublings) return false;
  ++doublings_;
  return true;
}

void Housekeeping::prune() {
  will_prune_ = false;
  const size_t size = table_.size();
  if (size <= most_) {
    sent_ = 0;
    return look_above_.store(most_);
  }
  look_above_.store(SIZE_MAX);  // Time decides when to look again, while FORGETs are awaited.
  if (still_waits()) return notifier_.ask_for(pruning_, kPruneDelay * (1U << doublings_));
  const bool was_in_vain = sent_ != 0 && doublings_ == kMostDoublings;
  gone_before_ = table_.gone();
  sent_ = was_in_vain ? 0 : send(size);
  doublings_ = 0;
  if (!can_prune()) return;
  if (sent_ == 0) look_above_.store(size + margin_of(size));
  notifier_.ask_for(pruning_, sent_ == 0 ? kRetryDelay : kPruneDelay);
}

size_t Housekeeping::send(size_t size) {
  const size_t wanted = std::min(size - most_ + margin_of(most_), kPrunedAtOnce);
  const std::vector<overlay::NodeId> idle = table_.find_idle(wanted);
  const auto sent = notifier_.forget_idle(idle);
  if (sent.failed_with(EINVAL)) {
    can_prune_ = false;
    log::warn("max_idle_inodes: this kernel cannot be asked to forget (Linux 6.18 can)");
  }
  return sent ? idle.size() : 0;
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
