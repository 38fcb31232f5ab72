// SPDX-License-Identifier: MIT
//
// A list, searched from the newest: hardly ever is more than one directory read at a time. What
// leaves it is destroyed after the lock is dropped, since that may close a descriptor and end an
// inode.

#include "fuse/listings.h"

#include <iterator>
#include <utility>

namespace overpass::fuse {

std::unique_ptr<overlay::OpenDirectory> Listings::take(const overlay::InodeRef& directory,
                                                       int64_t offset) {
  if (offset != 0 && !is_empty_) {
    Lock lock(mutex_);
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      if (it->offset != offset || it->listing->inode().get() != directory.get()) continue;
      auto found = std::move(it->listing);
      weight_ -= it->weight;
      waiting_.erase(it);
      is_empty_ = waiting_.empty();
      return found;
    }
  }
  return std::make_unique<overlay::OpenDirectory>(directory);
}

void Listings::keep(std::unique_ptr<overlay::OpenDirectory> listing) {
  std::list<Waiting> fresh;
  const size_t weight = listing->weight();
  const int64_t offset = listing->position();
  fresh.push_back({offset, weight, std::move(listing)});
  std::list<Waiting> removed;
  Lock lock(mutex_);
  waiting_.splice(waiting_.begin(), fresh);
  weight_ += weight;
  trim_locked(removed);
  is_empty_ = false;
}

void Listings::forget(overlay::NodeId node) {
  if (is_empty_) return;
  std::list<Waiting> removed;
  Lock lock(mutex_);
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto next = std::next(it);
    if (it->listing->inode()->id == node) {
      weight_ -= it->weight;
      removed.splice(removed.end(), waiting_, it);
    }
    it = next;
  }
  is_empty_ = waiting_.empty();
}

void Listings::trim_locked(std::list<Waiting>& removed) {
  while (waiting_.size() > 1 && (waiting_.size() > most_ || weight_ > capacity_)) {
    const auto oldest = std::prev(waiting_.end());
    weight_ -= oldest->weight;
    removed.splice(removed.end(), waiting_, oldest);
  }
}

}  // namespace overpass::fuse
