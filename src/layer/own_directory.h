// SPDX-License-Identifier: MIT
//
// Directories of the workdir that belong to the daemon alone. The workdir itself may belong to
// somebody who means harm: he can move what is in it, and have put there what he likes before. What
// is below a directory of the daemon's own, which only its descriptor leads to, he cannot reach.

#ifndef OVERPASS_LAYER_OWN_DIRECTORY_H_
#define OVERPASS_LAYER_OWN_DIRECTORY_H_

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::layer {

/// Makes the directory `name` in `parent`, for the daemon alone: it is empty, nobody else may do
/// anything in it, and it has no ACLs to hand down, whatever `parent` has. Open for reading. EEXIST
/// where something is; ESTALE when somebody exchanged it meanwhile. A file system that keeps
/// neither owners nor modes is warned of.
Result<UniqueFd> make_own_directory(BorrowedFd parent, const char* name);

/// Whose an existing directory is.
enum class Ownership {
  Own,      ///< The daemon's, and nobody else may write in it.
  Foreign,  ///< Somebody else's, or others may write in it.
};

Result<Ownership> ownership_of(BorrowedFd directory);

/// Takes from the daemon's own directory what it would hand down to what is made in it (a default
/// ACL, the set-group-ID bit), and what lets others in.
Result<void> close_to_others(BorrowedFd directory);

/// Removes the directory `name` that an earlier mount, or anybody, has left in `parent`, with what
/// is in it. What lies in directories that belong neither to the daemon nor to the owner of `name`
/// stays, since that owner may not remove it either: EPERM then. EBUSY where something is mounted,
/// ENOTDIR for what is no directory. Whether there was one.
Result<bool> remove_former_directory(BorrowedFd parent, const char* name);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_OWN_DIRECTORY_H_
