// SPDX-License-Identifier: MIT
//
// Changes as a patch that `git apply` takes. git(1) compares the contents: the two sides are copied
// into a directory of their own under numbers for names, so that no name, no attribute file and no
// configuration can change what git does. The numbers in its output are then replaced by the paths.

#ifndef OVERPASS_CLI_DIFF_PATCH_H_
#define OVERPASS_CLI_DIFF_PATCH_H_

#include <functional>
#include <ostream>
#include <vector>

#include "base/problem.h"
#include "changes/file_pairs.h"
#include "cli/diff_report.h"
#include "cli/diff_target.h"

namespace overpass::cli {

/// Writes the patch of the pairs that are regular files and symbolic links. A problem without git,
/// without room in $TMPDIR, when a file cannot be read, or when `is_stopped` says so; nothing is
/// written then, and the copies are removed.
Expected<void> print_patch(std::ostream& out, changes::View& view,
                           const std::vector<changes::FilePair>& pairs, bool colour,
                           const std::function<bool()>& is_stopped);

/// Writes the patch of what `filter` shows of all unions, by paths from `relative_to` ("" is the
/// root of their tree). Stops as is_interrupted() says, and has the same problems.
Expected<void> print_patch(std::ostream& out, const std::vector<ComparedUnion>& unions,
                           const DiffFilter& filter, const std::string& relative_to,
                           DiffStyle style);

/// What git writes for `path` behind "a/" or "b/": in quotes with escapes where it has to be.
std::string quoted_path(char side, const std::string& path);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_DIFF_PATCH_H_
