// SPDX-License-Identifier: MIT
//
// The redirect mark, written: before what is found in lowers by its name gets another name, it is
// marked with where it is (overlay.redirect).

#ifndef OVERPASS_OVERLAY_FIND_REDIRECT_H_
#define OVERPASS_OVERLAY_FIND_REDIRECT_H_

#include <memory>
#include <string>

#include "base/result.h"
#include "overlay/state/inode.h"
#include "sys/place.h"

namespace overpass::overlay {

struct Overlay;

/// Marks the upper directory at `place`, which has lowers and is about to leave its name there.
/// `same_parent`: for another name in the same directory, for which a name is mark enough. The
/// result belongs to the inode once it has moved. EXDEV when the mark cannot be written, so that
/// the caller copies the tree, as overlayfs answers.
/// REQUIRES: the names of the parent are held exclusively.
/// L: none of rank Inode or beyond on entry.
Result<std::unique_ptr<Relocation>> mark_directory(Overlay& overlay, Inode& directory,
                                                   sys::Place place, bool same_parent);

/// Marks a metacopy called `name` in `parent` likewise; `place` is the file. `same_parent` must be
/// false for a file that has names elsewhere.
Result<void> mark_metacopy(Overlay& overlay, Inode& parent, const std::string& name,
                           sys::Place place, bool same_parent);

/// Marks a metacopy that is about to get a further name; does nothing for other files.
/// L: none of rank Inode or beyond on entry.
Result<void> mark_before_link(Overlay& overlay, Inode& inode);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_REDIRECT_H_
