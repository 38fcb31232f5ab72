// SPDX-License-Identifier: MIT
//
// A queue of paths that forgets its oldest ones.

#include "overlay/state/removals.h"

#include "sys/random.h"

namespace overpass::overlay {

// Never 0, which no mount has.
Removals::Removals() : mount_(uint64_t{sys::random_number()} << 32 | sys::random_number() | 1) {}

void Removals::add(std::string path) {
  const size_t length = path.size() + 1;
  if (length > kMostBytes) return add_all();
  Lock lock(mutex_);
  paths_.push_back(std::move(path));
  bytes_ += length;
  while (bytes_ > kMostBytes) {
    bytes_ -= paths_.front().size() + 1;
    paths_.pop_front();
    ++first_;
  }
}

void Removals::add_all() {
  Lock lock(mutex_);
  // One number more than there are entries: this removal is forgotten as soon as it is recorded.
  first_ += paths_.size() + 1;
  paths_.clear();
  bytes_ = 0;
}

Removals::Since Removals::since(uint64_t number) {
  are_wanted_.store(true);
  Lock lock(mutex_);
  const uint64_t next = first_ + paths_.size();
  Since since = {mount_, next, first_ <= number && number <= next, {}};
  if (since.is_whole) {
    since.paths.assign(paths_.begin() + static_cast<ptrdiff_t>(number - first_), paths_.end());
  }
  return since;
}

}  // namespace overpass::overlay
