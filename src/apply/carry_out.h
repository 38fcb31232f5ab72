// SPDX-License-Identifier: MIT
//
// A whole apply, from the check to the end, over all file systems of a sandbox; and what is left to
// be done after an interruption. journal.h says what is on disk meanwhile.

#ifndef OVERPASS_APPLY_CARRY_OUT_H_
#define OVERPASS_APPLY_CARRY_OUT_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apply/base_check.h"
#include "apply/journal.h"
#include "apply/plan.h"
#include "apply/prepare.h"
#include "apply/target.h"
#include "base/problem.h"
#include "changes/change.h"
#include "layer/layer_stack.h"
#include "sandbox/store.h"

namespace overpass::apply {

/// A union whose changes are carried into its lower, or into another directory.
struct Part {
  std::string place;       ///< Where it is in the tree, without slashes around; for messages.
  uint32_t directory = 0;  ///< Of the sandbox, whose upper it is.
  /// Ids of the frozen layers that alone it is made of, while the sandbox runs; none otherwise.
  std::vector<std::string> frozen = {};
  bool is_taken = true;                   ///< As in the journal,
  std::vector<std::string> thinned = {};  ///< and this, too.
  EditedFiles edited = {};                ///< Of `selected`: what is taken in part, or merged.
  layer::LayerStack layers;               ///< The target is the last lower.
  /// The first so many of them are what changes it.
  layer::LayerIndex changing_layers = 1;
  Target target;
  changes::List all;       ///< What the upper changes.
  changes::List selected;  ///< What of it is wanted.
  bool is_whole = false;   ///< Everything is.
  Stamps stamps;
  bool gives_owner = true;
};

/// What an apply would do.
struct Prospect {
  std::vector<Plan> plans;          ///< One for each part; they refer to its `selected`.
  std::vector<Conflict> conflicts;  ///< By absolute paths.
  std::vector<std::string> losses;  ///< What cannot be kept: "PATH: its owner".
};

/// The steps of a part. It outlives them.
Plan plan_of(const Part& part, const std::string& id);

/// Looks only. `parts` outlive the result.
Prospect look_ahead(std::vector<Part>& parts, const std::string& id, const CheckOptions& options);

struct Call {
  Kind kind = Kind::Apply;
  std::string id;
  std::string summary;
  std::string source;              ///< As in the journal.
  bool is_forced = false;          ///< As when it was looked ahead.
  std::vector<std::string> paths;  ///< As in the journal.
  bool is_picked = false;          ///< As in the journal,
  bool merges = false;             ///< and this, too.
  bool drops = true;               ///< From the sandbox's uppers what has been applied.
  std::function<Result<void>(size_t done, size_t all)> progress;
  /// Called when nothing is left but to take what was applied out of the upper of a part.
  std::function<Expected<void>(const JournalPart&)> drop;
};

/// Carries everything out or nothing. REQUIRES: no conflicts; no other apply of this sandbox is
/// under way (find_interrupted()).
Expected<void> carry_out(const sandbox::Sandbox& sandbox, std::vector<Part>& parts,
                         Prospect& prospect, const Call& call);

/// The apply that was interrupted, if one was.
Expected<std::optional<Journal>> find_interrupted(const sandbox::Sandbox& sandbox);

/// A Problem, which says how to end it, if one was: nothing else may change the sandbox before.
Expected<void> check_not_interrupted(const sandbox::Sandbox& sandbox);

/// Finishes it. REQUIRES: its phase is not Preparing.
Expected<void> finish(const sandbox::Sandbox& sandbox, Journal journal,
                      const std::function<Expected<void>(const JournalPart&)>& drop);

/// Takes it back. REQUIRES: its phase is not Published.
Expected<void> abandon(const sandbox::Sandbox& sandbox, const Journal& journal);

/// An apply that was done and can be undone.
struct Done {
  std::string directory;  ///< From the sandbox's: "undo/ID".
  Journal journal;
};

/// Those below `stack`, "undo" or "redo", the oldest first. What cannot be read is passed over.
std::vector<Done> find_done(const sandbox::Sandbox& sandbox, const std::string& stack);

/// Whether anything is kept of an apply or an undo, whether it can be read or not.
bool has_kept(const sandbox::Sandbox& sandbox);

/// An id for a new apply: by time, so that they sort by age.
std::string new_id();

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_CARRY_OUT_H_
