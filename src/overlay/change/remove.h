// SPDX-License-Identifier: MIT
//
// unlink(2) and rmdir(2) on the union.

#ifndef OVERPASS_OVERLAY_CHANGE_REMOVE_H_
#define OVERPASS_OVERLAY_CHANGE_REMOVE_H_

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "layer/workdir.h"
#include "overlay/state/inode.h"
#include "overlay/state/shared_fd.h"
#include "sys/place.h"

namespace overpass::overlay {

struct Overlay;

/// Removes a name that is no directory. ENOENT, EISDIR, EROFS, EPERM (chattr).
/// L: none on entry; the directory's names are held exclusively inside.
Result<void> remove_file(Overlay& overlay, const InodeRef& directory, const char* name);

/// Removes a directory that shows no entries. ENOTEMPTY, ENOTDIR and the above.
/// L: none on entry; the names of both directories are held exclusively inside.
Result<void> remove_directory(Overlay& overlay, const InodeRef& directory, const char* name);

/// Whether removing `name` means going through names of lowers, which may be many, or a copy-up:
/// not for serving threads.
bool removal_takes_long(Overlay& overlay, const Inode& directory, const char* name);

/// Whether the union shows no entry in `directory`.
/// REQUIRES: its names are held exclusively.
Result<bool> is_empty(Overlay& overlay, Inode& directory);

/// ENOTEMPTY when the merged directory `name` shows entries: asked before a change that would be
/// refused for it copies anything up, as overlayfs does. Racy, so it is asked again under the
/// locks. L: none on entry; the names of both directories are held exclusively inside.
Result<void> check_shows_nothing(Overlay& overlay, const InodeRef& directory, const char* name);

/// Whether the upper's directory `name` has no entries on disk, not even whiteouts.
Result<bool> is_bare(const Overlay& overlay, BorrowedFd upper, const char* name);

/// Moving a directory changes its "..", for which an ordinary user needs to be allowed to write to
/// it. It is about to be removed, so its mode does not matter any more.
Result<void> make_movable(sys::Place directory);

/// How the upper file of `inode`, about to lose its name, can be reached afterwards; null when it
/// is not in the upper. ESTALE when the name leads to another object.
/// L: none of rank Inode on entry.
Result<SharedFd> orphan_of(const Overlay& overlay, Inode& inode, BorrowedFd upper,
                           const char* name);

/// ESTALE unless the name leads to the upper's file or directory that is `inode`, with the owner
/// and at least the permissions that the kernel was told of.
/// L: none of rank Inode on entry.
Result<void> check_upper(const Overlay& overlay, Inode& inode, sys::Place place);

/// What a change put out of the way, to be discarded when no lock is held any more.
using Discards = std::vector<std::unique_ptr<layer::PendingUpper>>;

/// Removes the upper's directory `name`, below which lowers show nothing. ENOTEMPTY when it shows
/// entries. A large one of whiteouts goes into `discards`; kMustWait where that has to be found
/// out on a worker.
Result<void> remove_pure_upper(Overlay& overlay, BorrowedFd upper, const char* name,
                               Discards& discards);

/// Discards them, large directories on a worker: the caller does not wait for that.
/// L: none on entry.
void discard(const Overlay& overlay, Discards& discards);

/// Moves a directory of the upper out of sight, whiteouts and all, by one rename.
Result<void> take_away(Overlay& overlay, BorrowedFd upper, const char* name, Discards& discards);

/// Makes `change`, by which the upper loses `name`, with the whiteout beside that name: the upper's
/// is shown until it is gone, so a crash in between changes nothing that is seen. If it fails the
/// whiteout goes again. For the form Named.
Result<void> beside_whiteout(layer::Workdir& workdir, BorrowedFd upper, const char* name,
                             const std::function<Result<void>()>& change);

/// Hides `name`. What the upper has there goes in one step, a directory into `discards`.
Result<void> replace_by_whiteout(Overlay& overlay, BorrowedFd upper, const char* name,
                                 bool is_directory, Discards& discards);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_REMOVE_H_
