// SPDX-License-Identifier: MIT

#include "fuse/flock_watch.h"

#include <new>

namespace overpass::fuse {

FlockWatch::FlockWatch(overlay::Flocks& flocks, Notifier& notifier)
    : flocks_(flocks), notifier_(notifier) {
  notifier_.add(attending_);
}

FlockWatch::~FlockWatch() {
  notifier_.remove(attending_);
  flocks_.end();
}

void FlockWatch::attend() {
  std::optional<std::chrono::milliseconds> again;
  try {
    again = flocks_.attend();
  } catch (const std::bad_alloc&) {
    again = overlay::Flocks::kSignalDelay;
  }
  if (again) notifier_.ask_for(attending_, *again);
}

}  // namespace overpass::fuse
