// SPDX-License-Identifier: MIT
//
// The order: the index is read before the walk, which counts the names of its entries, and judged
// after it.

#include "check/check.h"

#include "check/context.h"
#include "check/index.h"
#include "check/target.h"
#include "check/upper.h"
#include "check/work.h"

namespace overpass::check {

Expected<Summary> check(const layer::LayerPaths& paths, bool may_repair, const Listener& listener) {
  auto target = open_target(paths, may_repair);
  if (!target) return std::unexpected(target.error());
  Findings findings(may_repair, listener);
  Context context(*target, findings);
  check_work(context);
  read_index(context);
  check_upper(context);
  // What was counted halfway would accuse sound entries.
  if (!findings.stopped()) check_index(context);
  return findings.summary();
}

}  // namespace overpass::check
