// SPDX-License-Identifier: MIT
//
// The index: one entry for each lower file with several names that was copied up, named after the
// lower file, a link of the upper one. With nfs_export also one for each directory.

#ifndef OVERPASS_CHECK_INDEX_H_
#define OVERPASS_CHECK_INDEX_H_

#include "check/context.h"

namespace overpass::check {

/// Reads the index into context.index; reports what shows without a look at the upper.
void read_index(Context& context);

/// Compares the entries with what the walk over the upper has counted.
void check_index(Context& context);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_INDEX_H_
