// SPDX-License-Identifier: MIT
//
// What an upper changes, as a list: the difference between what the lowers show and what the union
// shows. Only the upper is walked; the lowers are asked for names that occur in it, and listed
// where an opaque directory hides them.

#ifndef OVERPASS_CHANGES_LIST_H_
#define OVERPASS_CHANGES_LIST_H_

#include "base/result.h"
#include "changes/change.h"

namespace overpass::changes {

/// Reads the changes of the upper of `layers`, which stays as it is. ECANCELED when stopped.
/// REQUIRES: `layers` has an upper.
Result<List> read_list(const layer::LayerStack& layers, const ReadOptions& options = {});

}  // namespace overpass::changes

#endif  // OVERPASS_CHANGES_LIST_H_
