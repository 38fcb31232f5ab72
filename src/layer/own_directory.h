// SPDX-License-Identifier: MIT
//
// Directories of the workdir that belong to the daemon alone. The owner of the workdir may mean
// harm: this user can move what is in it, and put anything there beforehand. But only a descriptor
// leads to a directory of the daemon's own, so this user cannot reach what is below it.

#ifndef OVERPASS_LAYER_OWN_DIRECTORY_H_
#define OVERPASS_LAYER_OWN_DIRECTORY_H_

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::layer {

/// Makes the directory `name` in `parent` for the daemon alone: it is empty, no other user has any
/// rights in it, and it hands down no ACLs, whatever `parent` has. Open for reading. EEXIST if the
/// name is taken; ESTALE if it was exchanged meanwhile. Warns if the file system keeps neither
/// owners nor modes.
Result<UniqueFd> make_own_directory(BorrowedFd parent, const char* name);

/// The owner of an existing directory.
enum class Ownership {
  Own,      ///< The daemon's, and no other user may write in it.
  Foreign,  ///< Another user's, or others may write in it.
};

Result<Ownership> ownership_of(BorrowedFd directory);

/// Takes from the daemon's own directory what it would hand down to what is made in it (a default
/// ACL, the set-group-ID bit), and what lets others in.
Result<void> close_to_others(BorrowedFd directory);

/// Removes the directory `name` that an earlier mount, or any user, left in `parent`, with its
/// content. Content of directories that belong neither to the daemon nor to the owner of `name`
/// stays, since that owner may not remove it either: EPERM then. EBUSY where something is mounted,
/// ENOTDIR for what is no directory. Whether there was one.
Result<bool> remove_former_directory(BorrowedFd parent, const char* name);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_OWN_DIRECTORY_H_
