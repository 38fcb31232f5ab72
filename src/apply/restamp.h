// SPDX-License-Identifier: MIT
//
// What an undo does to files that the sandbox still changes: hunks of them had been applied.

#ifndef OVERPASS_APPLY_RESTAMP_H_
#define OVERPASS_APPLY_RESTAMP_H_

#include "apply/journal.h"
#include "sandbox/store.h"

namespace overpass::apply {

/// Where the sandbox's changes are over what the steps have replaced, they are over what is there
/// now. Best effort: without a new stamp the next apply finds a conflict.
void restamp(const sandbox::Sandbox& sandbox, const Journal& journal);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_RESTAMP_H_
