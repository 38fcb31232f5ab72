// SPDX-License-Identifier: MIT
//
// Changes as data. list.h reads them.
//
// Two kinds of path occur. `old_path` is a path in what the lowers show, `path` one in what the
// union shows; both are without a leading slash. So a list may be carried out in three steps: first
// all deletions, then all renames, then the rest.

#ifndef OVERPASS_CHANGES_CHANGE_H_
#define OVERPASS_CHANGES_CHANGE_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "changes/view.h"

namespace overpass::changes {

enum class Kind {
  Deleted,      ///< With all that is below it and was not renamed; `old_path` only.
  Renamed,      ///< From `old_path`, with all below it; what differs besides is in `differs`.
  Added,        ///< `path` only. What is below an added directory has changes of its own.
  Modified,     ///< `differs` says what.
  TypeChanged,  ///< Another kind of file. What was below a directory is gone with it.
};
inline constexpr size_t kKinds = 5;

struct Differences {
  bool content = false;  ///< Data, the target of a symbolic link, the number of a device.
  bool mode = false;
  bool owner = false;
  bool xattrs = false;  ///< Extended attributes and ACLs.

  bool any() const { return content || mode || owner || xattrs; }
};

struct Change {
  Kind kind;
  std::string path;
  std::string old_path;
  Differences differs = {};
  std::optional<Found> before = {};  ///< In the lowers; none for Added.
  std::optional<Found> after = {};   ///< In the union; none for Deleted.
};

/// What could not be read, so that changes may be missing.
struct Unread {
  std::string path;
  Errno error;
};

/// A name that shows what it showed before, by another file: a file of several names in the lowers,
/// of which a layer that makes changes has an equal copy under this one.
struct EqualCopy {
  uint64_t before = 0;  ///< The inode number in the lowers.
  uint64_t after = 0;   ///< The one in the layer.
  bool operator==(const EqualCopy&) const = default;
};

struct List {
  std::vector<Change> changes;  ///< Deletions first; each of the two parts sorted by path.
  std::vector<Unread> unread;
  std::vector<EqualCopy> equal_copies;

  size_t count(Kind kind) const {
    return static_cast<size_t>(std::ranges::count(changes, kind, &Change::kind));
  }
};

/// What a modification that is none after all is: nothing, unless it is of a file of several names.
inline std::optional<EqualCopy> equal_copy(const Found& before, const Found& after) {
  if (!before.file || !after.file || before.file->stat.stx_nlink < 2) return {};
  return EqualCopy{before.file->stat.stx_ino, after.file->stat.stx_ino};
}

struct ReadOptions {
  /// Files that were deleted and added with the same content are renames.
  bool find_renames = false;
  /// How many layers of the stack, from the upper on, made the changes; at least one. Those below
  /// are the lowers.
  layer::LayerIndex changing_layers = 1;
  /// Asked from time to time whether to stop.
  std::function<bool()> is_stopped = [] { return false; };
};

}  // namespace overpass::changes

#endif  // OVERPASS_CHANGES_CHANGE_H_
