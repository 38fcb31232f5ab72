// SPDX-License-Identifier: MIT
//
// Takes changes out of an upper that no daemon serves.

#ifndef OVERPASS_APPLY_DROP_H_
#define OVERPASS_APPLY_DROP_H_

#include "apply/plan.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::apply {

/// Removes them from the upper at `root`. A directory that still holds something stays. What is not
/// there any more is passed over. `work` is the workdir: entries of its index that stand for
/// nothing else go as well.
Result<void> drop(BorrowedFd root, BorrowedFd work, const Dropped& dropped);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_DROP_H_
