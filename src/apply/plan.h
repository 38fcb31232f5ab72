// SPDX-License-Identifier: MIT
//
// What has to be done to a directory so that it shows what a union shows: a list of changes as
// steps. New files are prepared under temporary names beside their places; then names change, and
// nothing else is visible.
//
// Names change in this order: what goes is moved to temporary names; then what comes is moved to
// its place, parents first; then attributes change. A renamed directory goes and comes.

#ifndef OVERPASS_APPLY_PLAN_H_
#define OVERPASS_APPLY_PLAN_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apply/paths.h"
#include "base/problem.h"
#include "changes/change.h"
#include "layer/base_stamp.h"

namespace overpass::apply {

enum class Act {
  Take,       ///< What is at `old_path`, with all below it, goes to `temporary`.
  Put,        ///< What is at `temporary` comes to `path`; what `replaced` says, goes there.
  Overwrite,  ///< The file at `path`, and all its names, gets content and attributes of
              ///< `temporary`.
  Change,     ///< What is at `path` gets the attributes of `temporary`.
};

struct Step {
  Act act = Act::Put;
  std::string path;      ///< In the directory as it comes to be; empty for what is deleted.
  std::string old_path;  ///< In the directory as it was; empty for what is new.
  /// Of Put: beside `path`. Of others: in the directory as it was, in a place that stays itself.
  std::string temporary;
  /// What is at `old_path`, as it was when it was checked. Empty if nothing is.
  std::optional<layer::BaseStamp> replaced;
  uint64_t prepared = 0;  ///< The inode number of what was prepared, or is moved.
  /// Of Put: what was prepared, with all below it (digest.h); 0 for a directory that is moved.
  uint64_t prepared_digest = 0;
  /// What goes, with all below it but what is moved out of it, since it was kept; 0: nothing does.
  uint64_t kept_digest = 0;
  /// Of Overwrite and Change: what is given.
  std::optional<layer::BaseStamp> given;
};

/// Behind `temporary` of an Overwrite or Change: what was there before.
inline constexpr char kFormer[] = "-former";
/// What `temporary` of an Overwrite or Change is called from the moment on at which it is given,
/// and when that is done.
inline constexpr char kBegun[] = "-begun";
inline constexpr char kGiven[] = "-given";

/// A step, and the changes that it carries out: of a new directory also those below it.
struct PlannedStep {
  Step step;
  std::vector<const changes::Change*> changes;  ///< In the list; the step's own first.
};

/// What of the upper is of no use afterwards, by its path in the union. What is below a directory
/// stands before it.
struct Dropped {
  std::vector<std::string> trees;  ///< Renamed directories, with all below them.
  std::vector<std::string> names;  ///< Files, whiteouts, and directories if they are empty by then.
  /// Directories above that hold nothing else, if they are empty by then and have no mark.
  std::vector<std::string> parents;

  bool is_empty() const { return trees.empty() && names.empty(); }
};

struct Plan {
  std::vector<PlannedStep> steps;  ///< In the order in which names change.
  Renames renames;
  std::vector<std::string> moved;  ///< The old paths of directories that are moved.
  /// The old paths of all that goes, or is replaced with all below it.
  std::set<std::string, std::less<>> departing;
  Dropped dropped;

  /// Whether `path` of the directory as it was goes, with a directory above it perhaps.
  bool departs(std::string_view path) const;
};

/// Whether a file that was modified still is the one that was there, and not another in its place.
/// Asked where that one has other names.
using IsSameFile = std::function<bool(const changes::Change& change)>;

/// What of the list is wanted: what is at or below one of `paths`. A Problem if a path is below a
/// renamed directory, which can only be taken whole. Directories that are new come along where
/// something below them is wanted.
Expected<changes::List> select(const changes::List& list, const std::vector<std::string>& paths);

/// Those of `wanted`, changes of the list, and what cannot be parted from them: directories above
/// that are new, what a renamed directory holds, what is renamed out of a directory that goes, and
/// what goes where something comes.
changes::List take(const changes::List& list, std::set<const changes::Change*> wanted);

/// `list` outlives the plan. `all` is the list it was selected from; `id` tells this apply's
/// temporary names from others'.
Plan make_plan(const changes::List& list, const changes::List& all, const std::string& id,
               const IsSameFile& is_same_file);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_PLAN_H_
