// SPDX-License-Identifier: MIT

#include "fuse/caller_watch.h"

#include <new>
#include <utility>

namespace overpass::fuse {

CallerWatch::CallerWatch(Notifier& notifier, std::chrono::milliseconds delay, Attend attend)
    : notifier_(notifier), delay_(delay), attend_(std::move(attend)) {
  notifier_.add(attending_);
}

CallerWatch::~CallerWatch() { notifier_.remove(attending_); }

void CallerWatch::look() {
  std::optional<std::chrono::milliseconds> again;
  try {
    again = attend_();
  } catch (const std::bad_alloc&) {
    again = delay_;
  }
  if (again) notifier_.ask_for(attending_, *again);
}

}  // namespace overpass::fuse
