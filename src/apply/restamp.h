// SPDX-License-Identifier: MIT
//
// New stamps of what an apply or an undo has left outside otherwise than the sandbox found it,
// though the sandbox's changes are over it all the same.

#ifndef OVERPASS_APPLY_RESTAMP_H_
#define OVERPASS_APPLY_RESTAMP_H_

#include "apply/journal.h"
#include "sandbox/store.h"

namespace overpass::apply {

/// After an undo of hunks: where the sandbox's changes are over what the steps have replaced, they
/// are over what is there now. Best effort: without a new stamp the next apply finds a conflict.
void restamp(const sandbox::Sandbox& sandbox, const Journal& journal);

/// After nothing has come of an apply, what it took aside for a while has another ctime. Best
/// effort: without a new stamp the next one finds a conflict.
void stamp_again(const sandbox::Sandbox& sandbox, const Journal& journal);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_RESTAMP_H_
