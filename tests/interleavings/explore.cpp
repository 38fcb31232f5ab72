// SPDX-License-Identifier: MIT
//
// Depth first. A schedule is followed by those that have one more deviation, behind its last one.
//
// These are tried from the last decision back to the first. Say that a thread is preempted before
// its step s, and that the others make some steps until it goes on with s. If s touches nothing
// that those steps touch, it could as well have made s before it was preempted. That schedule is
// the one of the decision after, which has been tried, and so have all that follow from it. The
// same holds where a preempted thread is given its turn back early: if its next step touches
// nothing of what was done meanwhile, the schedule in which it is preempted later has been tried.

#include "explore.h"

#include <bit>
#include <cstring>

namespace overpass::interleavings {

namespace {

/// What other threads do from the decision on, until the thread that came to it goes on. Of three
/// threads all that the others do, since a schedule that follows may let the third go on there too.
Touched touched_by_others(const Trace& trace, size_t decision) {
  const Decision& at = trace.decisions[decision];
  const bool is_pair = std::popcount(trace.decisions.front().options) == 2;
  Touched touched;
  for (size_t i = at.steps; i < trace.steps.size(); ++i) {
    const bool is_other = trace.steps[i].thread != at.thread;
    if (is_other) touched.add(trace.steps[i].touched);
    if (!is_other && is_pair) break;
  }
  return touched;
}

/// Whether the thread of the last deviation goes on here with a step that touches nothing of what
/// the others have done since it was preempted.
bool could_have_gone_on(const Trace& trace, const Schedule& schedule, size_t decision) {
  if (schedule.empty()) return false;
  const Decision& preempted = trace.decisions[schedule.back().at];
  if (preempted.is_forced) return false;
  Touched meanwhile;
  for (size_t i = preempted.steps; i < trace.decisions[decision].steps; ++i) {
    if (trace.steps[i].thread == preempted.thread) return false;
    meanwhile.add(trace.steps[i].touched);
  }
  return !preempted.next.conflicts_with(meanwhile);
}

/// Whether the runs are the same up to the decision, which they take differently.
bool begin_alike(const Trace& one, const Trace& other, size_t decision) {
  if (one.decisions.size() <= decision || other.decisions.size() <= decision) return false;
  for (size_t i = 0; i <= decision; ++i) {
    const Decision &a = one.decisions[i], &b = other.decisions[i];
    if (a.thread != b.thread || a.options != b.options || std::strcmp(a.what, b.what) != 0) {
      return false;
    }
  }
  return true;
}

class Exploration {
 public:
  Exploration(const RunOnce& once, const Bounds& bounds) : once_(once), bounds_(bounds) {}

  /// The trace of the schedule, all that follow from it having been tried; nothing after a failure.
  std::optional<Trace> try_all(const Schedule& schedule, int preemptions_left) {
    ++count_;
    auto trace = once_(schedule);
    if (!trace) return std::nullopt;
    const size_t first = schedule.empty() ? 0 : schedule.back().at + 1;
    for (int thread = 0; thread < kThreads; ++thread) {
      if (!try_switches_to(thread, schedule, *trace, first, preemptions_left)) return std::nullopt;
    }
    return trace;
  }

  Explored explored() const { return {count_, astray_}; }

 private:
  static constexpr int kThreads = 4;

  /// Tries each later switch to `thread`, from the last one back.
  bool try_switches_to(int thread, const Schedule& schedule, const Trace& trace, size_t first,
                       int preemptions_left) {
    const int goes_back_to = schedule.empty() ? -1 : trace.decisions[schedule.back().at].thread;
    Touched by_others;
    int of = -1;  // The thread that `by_others` follows.
    for (size_t at = trace.decisions.size(); at-- > first;) {
      const Decision& decision = trace.decisions[at];
      if (decision.chosen == thread) {
        // Where it goes on by itself, what it does then stands for a switch right here.
        if (decision.thread != thread) by_others = touched_by_others(trace, at);
        of = decision.thread != thread ? decision.thread : -1;
        continue;
      }
      if ((decision.options & (1U << thread)) == 0) {
        of = -1;
        continue;
      }
      const bool is_preemption = !decision.is_forced;
      if (is_preemption && preemptions_left == 0) continue;
      const bool is_same = bounds_.is_reduced && is_preemption && of == decision.thread &&
                           !trace.steps[decision.steps].touched.conflicts_with(by_others);
      if (is_same) continue;
      if (bounds_.is_reduced && is_preemption && goes_back_to == thread &&
          could_have_gone_on(trace, schedule, at)) {
        break;
      }
      Schedule next = schedule;
      next.push_back({at, thread});
      const auto tried = try_all(next, preemptions_left - (is_preemption ? 1 : 0));
      if (!tried) return false;
      if (!begin_alike(trace, *tried, at)) ++astray_;
      by_others = touched_by_others(*tried, at);
      of = decision.thread;
    }
    return true;
  }

  const RunOnce& once_;
  const Bounds bounds_;
  size_t count_ = 0;
  size_t astray_ = 0;
};

}  // namespace

Explored explore(const RunOnce& once, const Bounds& bounds) {
  Exploration exploration(once, bounds);
  (void)exploration.try_all({}, bounds.preemptions);
  return exploration.explored();
}

}  // namespace overpass::interleavings
