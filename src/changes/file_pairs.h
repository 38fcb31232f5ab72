// SPDX-License-Identifier: MIT
//
// A list of changes as pairs of files, for programs that know no directories: a deleted directory
// is each file that was in it, and a renamed one each file that moved with it.

#ifndef OVERPASS_CHANGES_FILE_PAIRS_H_
#define OVERPASS_CHANGES_FILE_PAIRS_H_

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "changes/change.h"
#include "changes/view.h"

namespace overpass::changes {

/// A file of the lowers and what it became. A path is empty where there is no file.
struct FilePair {
  std::string old_path;
  std::string path;
  std::optional<Found> before;
  std::optional<Found> after;

  bool is_rename() const { return before && after && old_path != path; }
};

/// All files but directories that the list changes: first deletions, then the others, each by path.
/// A file that became one of another type is deleted and added. Walks through deleted and renamed
/// directories of the lowers, which `lowers` shows.
Result<std::vector<FilePair>> file_pairs(View& lowers, const List& list);

}  // namespace overpass::changes

#endif  // OVERPASS_CHANGES_FILE_PAIRS_H_
