// SPDX-License-Identifier: MIT
//
// What `overpass apply --merge` leaves outside, beside a text of which both sides have changed the
// same lines: a file that has both. A text is never replaced by one with marks in it, which
// programs would read meanwhile. The user makes of the file what the text is to be, and gives it
// its name.

#ifndef OVERPASS_CLI_CONFLICT_FILES_H_
#define OVERPASS_CLI_CONFLICT_FILES_H_

#include <string>
#include <vector>

#include "cli/context.h"
#include "layer/base_stamp.h"

namespace overpass::cli {

/// Behind the name of the text.
inline constexpr char kConflictSuffix[] = ".overpass-conflict";

/// A text of which both sides have changed the same lines.
struct Overlap {
  std::string shown;           ///< Its absolute path.
  std::string target;          ///< The directory that it is in, as of apply::Target, ...
  std::string path;            ///< ... and the path there.
  std::string content;         ///< Both sides, between marks.
  unsigned mode = 0;           ///< The permissions that both sides give.
  layer::BaseStamp read = {};  ///< What the outside's text was when it was read, ...
  unsigned uid = 0, gid = 0;   ///< ... and its owner.
};

/// Leaves a file beside each of the texts, and tells of it; one that is there already stays as it
/// is. A text that is not what was read gets none. Tells of each that cannot be written, too: the
/// exit status, one of kApply..., which is kApplyConflicts if there is no such.
int leave_conflict_files(Context& context, const std::vector<Overlap>& overlaps);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_CONFLICT_FILES_H_
