// SPDX-License-Identifier: MIT
//
// The index (index=on): a directory beside the upper with one entry per lower file of several links
// that was copied up, named by the lower's file handle. Through it every name of such a file leads
// to the one copy, whether the upper has that name or not
// (Documentation/filesystems/overlayfs.rst, "index").
//
// The union's link count is the upper's, which counts the entry itself, plus a difference that the
// nlink mark keeps (overlay.nlink). Before names change the mark is written relative to the count
// that changes together with them, so that a crash leaves it right.

#ifndef OVERPASS_OVERLAY_FIND_INDEX_H_
#define OVERPASS_OVERLAY_FIND_INDEX_H_

#include <optional>
#include <string>

#include "base/result.h"
#include "layer/mark_values.h"
#include "overlay/state/inode.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// The entry of the index that stands for a file.
struct IndexEntry {
  std::string name;
  sys::Stat stat;
  int32_t nlink_difference = 0;  ///< The union's link count less that of `stat`.
  bool is_metacopy = false;
  uint32_t lower_nlink = 0;  ///< Links of the lower file; 0: not known.
};

/// Whether the mount has an index.
bool has_index(const Overlay& overlay);

/// Whether the links of such a file stay one file. With the prefix of users only regular files can
/// have the marks of an entry: the links of others part at copy-up, as without an index.
bool may_be_indexed(const Overlay& overlay, const sys::Stat& stat);

/// The place of an entry.
sys::Place index_place(const Overlay& overlay, const std::string& name);

/// The name of the entry of the lower file `place`; empty when its file system has no handles.
Result<std::string> index_name(const Overlay& overlay, layer::LayerIndex layer, sys::Place place);

/// The entry of a lower file with several links; nothing when it was not copied up.
Result<std::optional<IndexEntry>> find_index_of_lower(Overlay& overlay, layer::LayerIndex layer,
                                                      sys::Place place, const sys::Stat& stat);

/// The entry that is the upper file `place` itself, if there is one.
Result<std::optional<IndexEntry>> find_index_of_upper(Overlay& overlay, sys::Place place,
                                                      const sys::Stat& stat);

/// Marks a copy that is about to be published in the index: as many names as the lower has.
Result<void> record_lower_nlink(Overlay& overlay, sys::Place copy);

/// Writes the nlink mark of the entry `place`. REQUIRES: the mutex of its inode, unless the file is
/// not known to other threads yet.
Result<void> write_nlink(Overlay& overlay, sys::Place place, layer::NlinkMark::Base base,
                         int32_t difference);

/// The link count of the lower file that the upper file `place` was copied from; nothing when
/// reading it takes a missing privilege.
std::optional<uint32_t> lower_nlink_of(Overlay& overlay, sys::Place place);

/// A name of an indexed file was found; the lower file has `lower_nlink` links (0: not known).
/// Names linked into the lower after the count are the union's too: the kernel refuses new links to
/// a file if it believes that all names are gone. L: none of rank Inode on entry.
void count_new_names(Inode& inode, uint32_t lower_nlink);
/// Does so for a caller that holds the mutex.
void count_new_names_locked(Inode& inode, uint32_t lower_nlink) REQUIRES(inode.mutex);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_INDEX_H_
