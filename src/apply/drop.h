// SPDX-License-Identifier: MIT
//
// Takes changes out of an upper that no daemon serves.

#ifndef OVERPASS_APPLY_DROP_H_
#define OVERPASS_APPLY_DROP_H_

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::apply {

/// Removes files, whiteouts and empty directories of the upper at `root`; what is below a directory
/// stands before it in `paths`. A directory that still holds something stays. What is not there any
/// more is passed over. `work` is the workdir: entries of its index that stand for nothing else go
/// as well.
Result<void> drop(BorrowedFd root, BorrowedFd work, const std::vector<std::string>& paths);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_DROP_H_
