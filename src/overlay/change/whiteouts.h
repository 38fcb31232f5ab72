// SPDX-License-Identifier: MIT
//
// Hides names of the upper's directories, and puts out of the way what the upper has there. Files
// go at once. Directories move to the workdir by one rename, so that a crash shows them whole or
// not at all, and are removed from there when no lock is held.

#ifndef OVERPASS_OVERLAY_CHANGE_WHITEOUTS_H_
#define OVERPASS_OVERLAY_CHANGE_WHITEOUTS_H_

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "layer/workdir.h"
#include "overlay/state/caller.h"
#include "sys/place.h"

namespace overpass::overlay {

struct Overlay;

/// What a change put out of the way, to be discarded when no lock is held any more.
using Discards = std::vector<std::unique_ptr<layer::PendingUpper>>;

/// Discards them, large directories on a worker: the caller does not wait for that.
/// L: none on entry.
void discard(const Overlay& overlay, Discards& discards);

/// Moves a directory of the upper out of sight, whiteouts and all, by one rename.
Result<void> take_away(Overlay& overlay, BorrowedFd upper, const char* name, Discards& discards);

/// Moving a directory changes its "..", for which an ordinary user needs to be allowed to write to
/// it. It is about to be removed, so its mode does not matter any more.
Result<void> make_movable(sys::Place directory);

/// Removes the upper's directory `name`, below which lowers show nothing. ENOTEMPTY when it shows
/// entries. A large one of whiteouts goes into `discards`. kMustWait where that may take long.
Result<void> remove_pure_upper(Overlay& overlay, const Caller& caller, BorrowedFd upper,
                               const char* name, Discards& discards);

/// Makes `change`, by which the upper loses `name`, with the whiteout beside that name: the upper's
/// is shown until it is gone, so a crash in between changes nothing that is seen. If it fails the
/// whiteout goes again. For the form Named.
Result<void> beside_whiteout(layer::Workdir& workdir, BorrowedFd upper, const char* name,
                             const std::function<Result<void>()>& change);

/// Hides `name`. What the upper has there goes in one step, a directory into `discards`.
Result<void> replace_by_whiteout(Overlay& overlay, BorrowedFd upper, const char* name,
                                 bool is_directory, Discards& discards);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_WHITEOUTS_H_
