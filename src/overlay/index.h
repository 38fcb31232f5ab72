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

#ifndef OVERPASS_OVERLAY_INDEX_H_
#define OVERPASS_OVERLAY_INDEX_H_

#include <optional>
#include <string>

#include "base/result.h"
#include "overlay/inode.h"
#include "overlay/search.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

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

/// A name of an indexed file was found, whose lower file has `lower_nlink` links (0: not known).
/// Names that somebody linked into the lower since they were counted are the union's too: the
/// kernel refuses new links to a file whose names, as far as it was told, are all gone. L: none of
/// rank Inode on entry.
void count_new_names(Inode& inode, uint32_t lower_nlink);

/// Gives an indexed file its `name` in the upper directory `upper` of `directory`, where so far
/// only lowers may have it. Nothing for other files. REQUIRES: the directory's names are held
/// exclusively. L: none of rank Inode or beyond on entry.
Result<void> link_up(Overlay& overlay, Inode& inode, Inode& directory, BorrowedFd upper,
                     const char* name);

/// A lower file of several links is copied up before one of its names goes, since the mark that
/// keeps their number is the copy's. Nothing for other names.
/// L: none on entry; takes the directory's names shared. May block for long.
Result<void> copy_up_shared(Overlay& overlay, const InodeRef& directory, const char* name);

/// Whether that is to be done for `inode`, with a copy that may take long.
bool is_shared_lower(const Inode& inode);

/// Before an indexed file gets a name in the upper and in the union. Nothing for others.
Result<void> begin_new_link(Overlay& overlay, Inode& inode) REQUIRES(inode.mutex);

/// Before it loses one, which the upper has. Names that are known to be left keep its count above
/// zero, and so the entry: somebody may have linked names into the lower since they were counted.
Result<void> begin_removal(Overlay& overlay, Inode& inode) REQUIRES(inode.mutex);

/// After it lost one: the entry of a file without names goes.
void drop_index_of_last(Overlay& overlay, Inode& inode) REQUIRES(inode.mutex);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_INDEX_H_
