// SPDX-License-Identifier: MIT
//
// What an apply is about to do, on disk before it does it, so that it can be finished or taken back
// after an interruption: "journal.json" in a directory of the apply's own,
//
//   STORE/NAME/apply/journal.json        how far it is, and its steps
//   STORE/NAME/apply/N/upper, base       the kept layer (kept_layer.h), and what a later undo
//                                        compares with; N as in the sandbox
//
// which becomes STORE/NAME/undo/ID, or redo/ID, when it is done. In paths, '%' and bytes that are
// not ASCII are written as %XX.

#ifndef OVERPASS_APPLY_JOURNAL_H_
#define OVERPASS_APPLY_JOURNAL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "apply/plan.h"
#include "base/problem.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::apply {

enum class Phase {
  Preparing,   ///< Nothing is visible but temporary names.
  Publishing,  ///< Names and attributes change.
  Published,   ///< All have changed. What is left is to be put away.
};

enum class Kind { Apply, Undo, Redo };

/// One directory that is changed.
struct JournalPart {
  uint32_t directory = 0;  ///< In the sandbox, for its upper; 0 without.
  std::string target;      ///< The directory that is changed.
  bool gives_owner = true;
  bool is_whole = false;  ///< Nothing of what the sandbox changes here is left afterwards.
  std::vector<Step> steps = {};
  Dropped dropped = {};       ///< From the upper, at the end.
  std::string identity = {};  ///< Of the target (sandbox::file_system_identity()).
  /// Ids of the frozen layers that it was made from; none if it was made from the upper as well.
  std::vector<std::string> frozen = {};
  /// Whether `dropped` is taken out of the sandbox: out of the upper, unless the sandbox runs, and
  /// of these frozen layers. Otherwise it stays there, as it equals the target.
  bool is_taken = true;
  std::vector<std::string> thinned = {};
  /// Files of which only some hunks were carried out. They stay in the sandbox, over what the
  /// target has now.
  std::vector<std::string> partly = {};
  /// Files that were merged with what the target had. Where the sandbox keeps its own all the same,
  /// that is not over what the target has now.
  std::vector<std::string> merged = {};
};

struct Journal {
  Kind kind = Kind::Apply;
  Phase phase = Phase::Preparing;
  std::string id;       ///< Of the apply; names sort by age.
  std::string created;  ///< RFC 3339.
  std::string summary;  ///< "1 deleted, 2 modified".
  std::string source;   ///< The directory of what is undone, from the sandbox's; "" for an apply.
  std::vector<std::string> paths;  ///< What was asked for; all if empty.
  bool is_picked = false;          ///< The user was asked for each: `paths` does not say what.
  bool merges = false;             ///< Texts are merged with what is in the targets.
  std::vector<JournalPart> parts = {};
};

/// Writes it into `directory`, on disk when this returns: a crash leaves the old one or this one.
Result<void> write_journal(BorrowedFd directory, const Journal& journal);

/// ENOENT if there is none, EBADMSG if it cannot be understood.
Result<Journal> read_journal(BorrowedFd directory);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_JOURNAL_H_
