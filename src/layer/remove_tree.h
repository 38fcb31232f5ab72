// SPDX-License-Identifier: MIT
//
// Removes whole trees below the workdir. The writers of the union decide how deep they are, how
// many names they have, and which modes.

#ifndef OVERPASS_LAYER_REMOVE_TREE_H_
#define OVERPASS_LAYER_REMOVE_TREE_H_

#include <sys/types.h>

#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::layer {

/// Opens a directory below the workdir for reading. The kernel makes those of a workdir with mode
/// 0, which keeps an ordinary user out: what is his own is changed to 0700.
Result<UniqueFd> open_own_directory(BorrowedFd directory, const char* name);

/// Removes `name` and, if it is a directory, what is below it. Takes three descriptors at most and
/// no stack of the thread, however deep the tree is. Never leaves the tree: follows no link, enters
/// no mount (EBUSY), and ends (ESTALE) if another process moves a directory of it meanwhile. Ends
/// at the first failure. With an `owner`, directories that belong neither to that user nor to the
/// daemon are not entered (EPERM): that owner could not have removed their content.
Result<void> remove_tree(BorrowedFd directory, const char* name,
                         std::optional<uid_t> owner = std::nullopt);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_REMOVE_TREE_H_
