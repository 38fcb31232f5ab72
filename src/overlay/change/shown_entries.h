// SPDX-License-Identifier: MIT
//
// Whether a directory of the union is empty. That takes going through the names of its lowers, and
// through the whiteouts in the upper, which may both be many. So callers that may not wait get
// kMustWait, and the others are looked at from time to time, whether they are still there (EINTR).

#ifndef OVERPASS_OVERLAY_CHANGE_SHOWN_ENTRIES_H_
#define OVERPASS_OVERLAY_CHANGE_SHOWN_ENTRIES_H_

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "overlay/state/caller.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// Whether the union shows no entry in `directory`. kMustWait, EINTR.
/// REQUIRES: its names are held exclusively.
Result<bool> is_empty(Overlay& overlay, const Caller& caller, Inode& directory);

/// ENOTEMPTY when the merged directory `name` shows entries: asked before a change that would be
/// refused for it copies anything up, as overlayfs does. Racy, so it is asked again under the
/// locks. kMustWait, EINTR.
/// L: none on entry; the names of both directories are held exclusively inside.
Result<void> check_shows_nothing(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                                 const char* name);

/// Whether the upper's directory `name` has no entries on disk, not even whiteouts.
Result<bool> is_bare(BorrowedFd upper, const char* name);

/// The content of a directory's upper part, as far as the union is concerned.
struct UpperContent {
  bool shows_entries = false;
  std::vector<std::string> whiteouts;  ///< Of both forms.
};

/// The content of the upper's directory open at `directory`, up to the first entry that shows.
/// kMustWait, EINTR.
Result<UpperContent> read_upper(const Overlay& overlay, const Caller& caller, BorrowedFd directory);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_SHOWN_ENTRIES_H_
