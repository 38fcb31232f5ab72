// SPDX-License-Identifier: MIT
//
// The names of an inode in memory: kept in step with what system calls did to the upper.

#ifndef OVERPASS_OVERLAY_STATE_LINKS_H_
#define OVERPASS_OVERLAY_STATE_LINKS_H_

#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// Gives a new inode, whose layer is set, its first name. `key`, unless empty, leads other names of
/// its file to it, for instance those of a lower file that must stay one file when it is copied up.
/// A thread that finds the inode by the key finds the name as well. An inode that has the key or
/// the name already is returned instead.
/// L: none of rank Inode on entry.
InodeRef add_first_link(Overlay& overlay, const InodeRef& inode, const InodeRef& directory,
                        std::string_view name, FileKey key);

/// `inode` has the name `name` in `directory` too.
/// L: none of rank Inode on entry.
void add_link(Overlay& overlay, const InodeRef& inode, const InodeRef& directory,
              std::string_view name);

/// Keeps `orphan`, by which a file without a name is reached, while handles are open. It counts
/// against the user that has the file open. If that user has no descriptor left, the file is
/// reached by the cache's, while that has one, or by an open handle's (OpenMode::last_fd). `orphan`
/// may be null.
void pin_orphan_locked(Overlay& overlay, Inode& inode, SharedFd orphan) REQUIRES(inode.mutex);

/// The inode has lost the name. After the last one, `orphan` (may be null) is the way to its file
/// in the upper. The mutex is held since before the name went, so that no thread takes the next
/// object of that name for this inode's file.
/// REQUIRES: inode.mutex.
void remove_link_locked(Overlay& overlay, Inode& inode, const Inode& directory,
                        std::string_view name, SharedFd orphan);

/// It has the name `new_name` in `new_directory` instead.
/// REQUIRES: inode.mutex.
void move_link_locked(Overlay& overlay, Inode& inode, const Inode& directory, std::string_view name,
                      const InodeRef& new_directory, std::string_view new_name);

/// Whether the kernel knows this name by the node that `inode` superseded. A listing must not hand
/// the inode out under it: that would silently detach what is mounted over the name.
/// L: none of rank Inode on entry.
bool is_stale_link(const Inode& inode, const Inode& directory, std::string_view name);

/// A LOOKUP of this name is about to hand `inode` out.
/// L: none of rank Inode on entry.
void freshen_link(Inode& inode, const Inode& directory, std::string_view name);

/// No name leads to it any more.
/// L: none of rank Inode on entry.
void forget_names(Overlay& overlay, Inode& inode);

/// Other names of the upper file `key` lead to `inode` too; or to the inode that is known by it
/// already, which is returned.
/// L: none of rank Inode on entry.
InodeRef remember_key(Overlay& overlay, const InodeRef& inode, FileKey key);

/// A new inode takes over the names and the file of `old`, which stays behind for the handles and
/// dentries that know its node id.
/// REQUIRES: old->mutex; `old` is in the upper and not superseded.
void supersede_locked(Overlay& overlay, const InodeRef& old);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_LINKS_H_
