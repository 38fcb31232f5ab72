// SPDX-License-Identifier: MIT
//
// An upper that was written with an index (index=on) as a layer that needs none. A lower file of
// several links that was copied up has its entry in the index, by which names lead to the copy that
// the upper does not have. Before the upper becomes a layer it gets these names, each a link to the
// copy. Afterwards the index goes, and the link count of the file is that of the union.

#ifndef OVERPASS_SNAPSHOTS_INDEX_LINKS_H_
#define OVERPASS_SNAPSHOTS_INDEX_LINKS_H_

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "layer/layer_paths.h"
#include "sys/stat.h"

namespace overpass::snapshots {

/// How a walk that may take long is watched.
struct Watch {
  /// Asked from time to time whether to stop.
  std::function<bool()> is_stopped = [] { return false; };
  /// Told how many directories have been read.
  std::function<void(size_t)> progress = [](size_t) {};
};

/// The directories of an upper that nobody has mounted.
struct UpperPlaces {
  layer::LayerPaths layers;  ///< With the upper.
  BorrowedFd home;           ///< The directory that has "upper" and "work", open for reading.
  sys::Stat hidden;          ///< A directory of the lowers that the union does not show.
};

/// Gives the upper the names that lead to its files by the index only. Walks the union once, and
/// not at all if the upper has all names. A mount of the upper with its index afterwards shows
/// what was seen before, also if this ends early: ECANCELED when stopped, or an error.
Result<void> link_indexed_names(const UpperPlaces& upper, const Watch& watch);

/// Removes the index in "work" of `home`, which nobody mounts any more, and the rest of "work".
/// Links that stand for names outside of the union are kept in the directory "links" of `layer`,
/// so that the link counts stay. May be repeated after a crash. REQUIRES: link_indexed_names().
Result<void> dissolve_index(BorrowedFd home, BorrowedFd layer);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_INDEX_LINKS_H_
