// SPDX-License-Identifier: MIT
//
// All schedules up to a number of preemptions. A preemption is a switch away from a thread that
// could go on. Switches from a thread that waits or has ended cost nothing.

#ifndef OVERPASS_TESTS_INTERLEAVINGS_EXPLORE_H_
#define OVERPASS_TESTS_INTERLEAVINGS_EXPLORE_H_

#include <functional>
#include <optional>

#include "scheduler.h"

namespace overpass::interleavings {

struct Bounds {
  int preemptions = 2;
  /// Leaves out a schedule that differs from another one only in the order of two steps that touch
  /// nothing in common.
  bool is_reduced = true;
};

/// Runs once; nothing when the run was found to be wrong.
using RunOnce = std::function<std::optional<Trace>(const Schedule&)>;

struct Explored {
  size_t schedules;
  /// Runs that were not those of their schedules: something besides the schedule decides.
  size_t astray;
};

/// Runs `once` with every schedule until one is wrong.
Explored explore(const RunOnce& once, const Bounds& bounds);

}  // namespace overpass::interleavings

#endif  // OVERPASS_TESTS_INTERLEAVINGS_EXPLORE_H_
