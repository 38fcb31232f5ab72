// SPDX-License-Identifier: MIT
//
// The first half of a copy-up: makes the copy, complete but not yet visible.

#ifndef OVERPASS_OVERLAY_COPY_UP_PREPARE_COPY_H_
#define OVERPASS_OVERLAY_COPY_UP_PREPARE_COPY_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "layer/workdir.h"
#include "overlay/copy_up/copy_extent.h"
#include "overlay/copy_up/copy_up_metadata.h"
#include "overlay/state/inode.h"
#include "overlay/state/shared_fd.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;
class CopyUnderWay;

/// The source of a copy. A lower inode keeps its place, so this stays true without a lock.
struct Source {
  InodeRef parent;
  std::string name;
  layer::LayerIndex layer;
  std::optional<DataPlace> data;  ///< When it is itself a metacopy.
  UniqueFd file;                  ///< O_PATH, of the very file that the kernel knows.
  sys::Stat stat;
  sys::Stat seen;            ///< As the disk had it before the copy.
  bool has_changed = false;  ///< Since it was first seen, or since this was last said.
  std::string index_name;    ///< One of several links that stay one file.

  /// If several links part, each becomes a file of its own.
  bool has_origin() const { return stat.stx_nlink == 1 || !index_name.empty(); }
  sys::Place place() const { return sys::place_of(file); }
  UnionName union_name() const { return {parent, name}; }
};

/// ESTALE when another object is in the place of the inode's file, or when it has changed and
/// changes are refused (lower_changes.h). L: none of rank Inode or beyond on entry.
Result<Source> source_of(Overlay& overlay, Inode& inode);

/// kMustWait unless the bytes that `extent` wants are few and in memory, so that copying them takes
/// no longer than other changes do.
/// L: none on entry.
Result<void> check_quick(Overlay& overlay, const Source& source, const CopyExtent& extent);

/// A complete copy that has no place in the upper yet: an unnamed file, or a temporary name.
struct Prepared {
  UniqueFd file;  ///< Regular files.
  std::unique_ptr<layer::PendingUpper> temporary;
  std::unique_ptr<DataPlace> data;  ///< Where the bytes stayed.
  Likeness likeness = Likeness::Same;
  /// The source was changed meanwhile: a mixture of what was before and after, not to be published.
  bool is_torn = false;

  sys::Place place() const { return temporary ? temporary->place() : sys::place_of(file); }

  /// Gives it its name in a directory of the upper.
  Result<void> publish(BorrowedFd directory, const char* name);
};

/// The copy may be torn. `progress` is told what is done, and may end it with EINTR while bytes are
/// copied. L: none on entry. May block for long.
Result<Prepared> prepare_copy(Overlay& overlay, const Source& source, const CopyExtent& extent,
                              CopyUnderWay& progress);

/// Whether a copy is complete without its data being on a disk: on a volatile mount, and where the
/// upper is in memory.
bool waits_for_no_disk(const Overlay& overlay);

/// Makes sure that the data of `copy` reach the disk no later than the name or the mark that it
/// gets next; with copy_up=durable that they are there when this returns. Does nothing if
/// waits_for_no_disk().
Result<void> order_data(const Overlay& overlay, BorrowedFd copy);

/// A directory's copy under a temporary name, without entries.
struct PreparedDirectory {
  layer::PendingUpper temporary;
  Identity identity = {};

  /// `scratch` is of the directory where the copy will be.
  PreparedDirectory(layer::Workdir& workdir, std::shared_ptr<const layer::Scratch> scratch)
      : temporary(workdir, std::move(scratch)) {}
};

Result<void> prepare_directory(Overlay& overlay, Inode& inode, PreparedDirectory& prepared);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_PREPARE_COPY_H_
