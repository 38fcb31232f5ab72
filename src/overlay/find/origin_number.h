// SPDX-License-Identifier: MIT
//
// Inode numbers of copied-up files: those of their origins, also when the copy-up was long ago.

#ifndef OVERPASS_OVERLAY_FIND_ORIGIN_NUMBER_H_
#define OVERPASS_OVERLAY_FIND_ORIGIN_NUMBER_H_

#include "base/result.h"
#include "overlay/state/inode.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// The object that gives the upper's file `place` its st_ino: its origin in a lower if it has one,
/// else itself. `stat`: its attributes. Costs nothing in a directory without the impure mark.
/// `is_indexed`: it stands for all links of the origin.
FileKey number_source(Overlay& overlay, Inode& directory, sys::Place place, const sys::Stat& stat,
                      bool is_indexed);

/// Marks the copy at `copy` with its origin `from` in `layer`, and the upper directory that is to
/// hold it as impure, before it does. As in overlayfs an upper that takes no such attributes goes
/// without (a number is all that depends on it); every other failure is the operation's.
Result<void> record_origin(Overlay& overlay, layer::LayerIndex layer, sys::Place from,
                           sys::Place copy);
Result<void> mark_impure(Overlay& overlay, Inode& directory, BorrowedFd upper);

/// Takes the impure mark from `directory`, unless a child in its upper has an origin or its names
/// are not those of `version` any more. Best effort: a mark that stays costs a little time. L: none
/// on entry. Takes long in a large directory.
void drop_impure(Overlay& overlay, const InodeRef& directory, uint64_t version);

/// Whether `directory`'s upper may hold objects with an origin.
bool is_impure(Overlay& overlay, Inode& directory, BorrowedFd upper);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_ORIGIN_NUMBER_H_
