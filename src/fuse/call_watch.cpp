// SPDX-License-Identifier: MIT

#include "fuse/call_watch.h"

#include <new>

namespace overpass::fuse {

using overlay::KillableCalls;

CallWatch::CallWatch(KillableCalls& calls, Notifier& notifier)
    : calls_(calls), notifier_(notifier) {
  notifier_.add(attending_);
  calls_.when_begun([this] { notifier_.ask_for(attending_, KillableCalls::kLookDelay); });
}

CallWatch::~CallWatch() {
  calls_.when_begun(nullptr);
  notifier_.remove(attending_);
}

void CallWatch::attend() {
  std::optional<std::chrono::milliseconds> again;
  try {
    again = calls_.attend();
  } catch (const std::bad_alloc&) {
    again = KillableCalls::kLookDelay;
  }
  if (again) notifier_.ask_for(attending_, *again);
}

}  // namespace overpass::fuse
