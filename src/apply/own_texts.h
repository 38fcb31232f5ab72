// SPDX-License-Identifier: MIT
//
// A text that is merged with the outside's is in the sandbox no more, and an undo brings back the
// outside's. The sandbox's own is kept beside that, as an ordinary file: "own/PATH", PATH from the
// root, in the directory of the apply, and in that of each undo and redo of it.

#ifndef OVERPASS_APPLY_OWN_TEXTS_H_
#define OVERPASS_APPLY_OWN_TEXTS_H_

#include <string>

#include "apply/journal.h"
#include "apply/prepare.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "changes/change.h"
#include "changes/view.h"
#include "sandbox/store.h"

namespace overpass::apply {

/// What an apply takes of a union.
struct Taken {
  const std::string& place;  ///< Where the union is in the tree, without slashes around.
  const changes::List& changes;
  const EditedFiles& edited;
  bool gives_owner = true;  ///< As of CopyOptions.
};

/// Keeps those of a union, as `after` has them, in `directory`, that of the apply.
Result<void> keep_own_texts(const Taken& taken, changes::View& after, BorrowedFd directory);

/// What was kept of `source`, a directory from the sandbox's as of the journal, comes to
/// `directory`. Nothing if it has come, or nothing was kept.
Result<void> take_own_texts(BorrowedFd sandbox, const std::string& source, BorrowedFd directory);

/// The directory of those that `id`, the last undo or redo, has kept; "" if it has none.
std::string own_texts_of(const sandbox::Sandbox& sandbox, Kind kind, const std::string& id);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_OWN_TEXTS_H_
