// SPDX-License-Identifier: MIT
//
// What an upper changes, as a list: the difference between what the lowers show and what the union
// shows. An upper may have frozen layers beneath it that belong to the changes as well. Only these
// are walked; the lowers are asked for names that occur in it, and listed
// where an opaque directory hides them.

#ifndef OVERPASS_CHANGES_LIST_H_
#define OVERPASS_CHANGES_LIST_H_

#include "base/result.h"
#include "changes/change.h"

namespace overpass::changes {

/// Reads the changes of the first layers of `layers`, which stay as they are. ECANCELED when
/// stopped. REQUIRES: one of these is present.
Result<List> read_list(const layer::LayerStack& layers, const ReadOptions& options = {});

}  // namespace overpass::changes

#endif  // OVERPASS_CHANGES_LIST_H_
