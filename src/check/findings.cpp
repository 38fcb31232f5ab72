// SPDX-License-Identifier: MIT
//
// Counting and repairing.

#include "check/findings.h"

#include <cstring>
#include <utility>

namespace overpass::check {

void Findings::add(Finding finding) {
  const auto severity = static_cast<size_t>(row_of(finding.kind).severity);
  if (finding.repair == Repair::Done) {
    ++summary_.repaired;
  } else {
    ++summary_.remaining[severity];
    if (finding.repair == Repair::Possible) ++summary_.repairable[severity];
  }
  listener_.on_finding(finding);
}

void Findings::add(Finding finding, std::string step, const std::function<Result<void>()>& repair) {
  finding.step = std::move(step);
  finding.repair = Repair::Possible;
  if (may_repair_) {
    const auto repaired = repair();
    finding.repair = repaired ? Repair::Done : Repair::Failed;
    if (!repaired) finding.step += std::string(": ") + std::strerror(to_int(repaired.error()));
  }
  add(std::move(finding));
}

bool Findings::stopped() {
  if (listener_.should_stop()) summary_.is_complete = false;
  return !summary_.is_complete;
}

}  // namespace overpass::check
