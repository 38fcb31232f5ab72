// SPDX-License-Identifier: MIT
//
// When the copy of a file's attributes (state/attribute_copy.h) may answer in place of the disk.
// docs/copyattr.md has the whole story.

#ifndef OVERPASS_OVERLAY_FIND_COPIED_ATTRIBUTES_H_
#define OVERPASS_OVERLAY_FIND_COPIED_ATTRIBUTES_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "overlay/state/inode.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;
class AttributeCopy;

// A completion may call what takes no Overlay. It runs also while the layers are exchanged
// (freeze/freeze.h).

/// Gives the inode a copy, where the daemon alone changes the files of the upper and their
/// attributes are those of the disk; else nothing happens.
/// REQUIRES: the inode was opened, and is not passed through.
void make_copy(const Overlay& overlay, Inode& inode) REQUIRES(inode.mutex);

/// The inode's copy, if the daemon alone changes the file now; null otherwise, and without a copy.
AttributeCopy* usable_copy(const Inode& inode) REQUIRES(inode.mutex);

/// The file's attributes as the disk would tell them now, without asking it; nothing if it has to
/// be asked.
std::optional<sys::Stat> settled_attributes(const Inode& inode) REQUIRES(inode.mutex);

/// The file's size, known in the same way.
/// L: none of rank Inode on entry.
std::optional<off_t> settled_size(const Inode& inode);

/// A look at the inode's file: begin it before the disk is asked, and keep() what the disk has
/// said. The inode's mutex is held from the one to the other.
class Look {
 public:
  explicit Look(Inode& inode) REQUIRES(inode.mutex);
  void keep(const sys::Stat& stat) const;

 private:
  AttributeCopy* const copy_;  ///< Null: nothing is kept.
  std::optional<uint32_t> reads_;
};

/// Looks at the file of the inode, which is at `file`, and keeps what the disk says.
Result<sys::Stat> look_at(Inode& inode, sys::Place file) REQUIRES(inode.mutex);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_COPIED_ATTRIBUTES_H_
