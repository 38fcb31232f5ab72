// SPDX-License-Identifier: MIT
//
// The changes of a sandbox as an upper over another lower. It is made anew from what the sandbox
// shows: so nothing in it refers to the former lower (origins, the index, data of metacopies), and
// no mark hides what is not there.

#ifndef OVERPASS_SNAPSHOTS_REBASED_UPPER_H_
#define OVERPASS_SNAPSHOTS_REBASED_UPPER_H_

#include <string>
#include <vector>

#include "base/problem.h"
#include "sandbox/record.h"
#include "sandbox/store.h"
#include "snapshots/index_links.h"

namespace overpass::snapshots {

struct RebasedUpper {
  uint32_t directory = 0;  ///< Of the sandbox; no record names it yet.
  /// Where directories were that have been moved, and that the new lower does not have there.
  std::vector<std::string> lost;
};

/// Makes the upper of the changes of `place`, of all its layers, over the directory `lower`. Where
/// the former lower is gone, `lower` stands for it. `record` says which directory is free. Nothing
/// is left after a problem. REQUIRES: the sandbox's lock is held; link_all_indexed_names().
Expected<RebasedUpper> rebase_upper(const sandbox::Sandbox& sandbox, const sandbox::Record& record,
                                    const sandbox::FileSystem& place, const std::string& lower,
                                    const Watch& watch);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_REBASED_UPPER_H_
