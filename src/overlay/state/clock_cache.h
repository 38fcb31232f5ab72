// SPDX-License-Identifier: MIT
//
// A bounded set of shared things that are costly to make again: directory descriptors, merged
// listings, backing ids. The cache owns them. A user finds one through a weak_ptr of its own and
// holds it while needed. What was used since the clock's hand last passed survives one more round
// (second chance), so that a use costs one store and no lock of the cache.

#ifndef OVERPASS_OVERLAY_STATE_CLOCK_CACHE_H_
#define OVERPASS_OVERLAY_STATE_CLOCK_CACHE_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace overpass::overlay {

/// The base class of items of a ClockCache.
struct Cached {
  mutable std::atomic<bool> used = true;
  mutable size_t position = 0;  ///< The cache's own, guarded by its mutex.
};

/// T derives from Cached and has `size_t weight() const`, which never changes.
/// Invariants: the weights of what is kept add up to weight_, which exceeds capacity_ only when a
/// single item does; items_[i]->position == i.
/// Threads: any.
template <class T>
class ClockCache {
 public:
  using Item = std::shared_ptr<const T>;

  explicit ClockCache(size_t capacity) : capacity_(capacity) {}

  /// Keeps `item`, which is not kept yet, alive until others push it out.
  void keep(Item item) {
    std::vector<Item> evicted;  // Destroyed after the lock is dropped: that may close descriptors.
    Lock lock(mutex_);
    while (!items_.empty() && weight_ + item->weight() > capacity_) {
      if (hand_ >= items_.size()) hand_ = 0;
      if (items_[hand_]->used.exchange(false, std::memory_order_relaxed)) {
        ++hand_;
      } else {
        evicted.push_back(take_locked(hand_));
      }
    }
    weight_ += item->weight();
    item->position = items_.size();
    items_.push_back(std::move(item));
  }

  /// Keeps it no longer, if it was kept at all.
  void drop(const Item& item) {
    Item dropped;
    Lock lock(mutex_);
    const size_t position = item->position;
    if (position < items_.size() && items_[position] == item) dropped = take_locked(position);
  }

  std::vector<Item> all() const {
    Lock lock(mutex_);
    return items_;
  }

  /// Keeps none of what it has.
  void clear() {
    std::vector<Item> dropped;  // Destroyed after the lock is dropped.
    Lock lock(mutex_);
    dropped.swap(items_);
    weight_ = 0;
    hand_ = 0;
  }

  size_t size() const {
    Lock lock(mutex_);
    return items_.size();
  }

 private:
  Item take_locked(size_t position) REQUIRES(mutex_) {
    Item taken = std::exchange(items_[position], std::move(items_.back()));
    items_.pop_back();
    if (position < items_.size()) items_[position]->position = position;
    weight_ -= taken->weight();
    return taken;
  }

  const size_t capacity_;
  mutable Mutex<LockRank::ClockCache> mutex_;
  std::vector<Item> items_ GUARDED_BY(mutex_);
  size_t weight_ GUARDED_BY(mutex_) = 0;
  size_t hand_ GUARDED_BY(mutex_) = 0;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_CLOCK_CACHE_H_
