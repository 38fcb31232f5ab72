// SPDX-License-Identifier: MIT
//
// Where findings go: counted, repaired if that was asked for and is possible, and handed on one by
// one. Also how a check hears that it should stop.

#ifndef OVERPASS_CHECK_FINDINGS_H_
#define OVERPASS_CHECK_FINDINGS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "check/finding.h"

namespace overpass::check {

/// What a check tells its caller, on the caller's thread. All are set.
struct Listener {
  std::function<void(const Finding&)> on_finding;
  std::function<void(uint64_t names)> on_progress;  ///< Names examined so far; often.
  std::function<bool()> should_stop;                ///< Asked often.
};

struct Summary {
  uint64_t names = 0;                    ///< Examined, in the upper and the workdir.
  std::array<uint64_t, 3> remaining{};   ///< By Severity: not repaired.
  std::array<uint64_t, 3> repairable{};  ///< Of those, what --repair would have done away with.
  uint64_t repaired = 0;
  bool is_complete = true;  ///< False when it was stopped.

  /// Warnings and errors that remain.
  uint64_t faults() const { return remaining[1] + remaining[2]; }
};

class Findings {
 public:
  Findings(bool may_repair, const Listener& listener)
      : may_repair_(may_repair), listener_(listener) {}

  bool may_repair() const { return may_repair_; }

  /// A finding that nothing is done about.
  void add(Finding finding);

  /// A finding with a remedy: `repair` makes the one system call that `step` names.
  void add(Finding finding, std::string step, const std::function<Result<void>()>& repair);

  /// Counts a name.
  void examined() {
    ++summary_.names;
    if (summary_.names % 128 == 0) listener_.on_progress(summary_.names);
  }

  /// Whether to stop; the summary says so afterwards.
  bool stopped();

  const Summary& summary() const { return summary_; }

 private:
  const bool may_repair_;
  const Listener& listener_;
  Summary summary_;
};

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_FINDINGS_H_
