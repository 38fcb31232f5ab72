// SPDX-License-Identifier: MIT
//
// stat(2) and its opposites on the union.

#ifndef OVERPASS_OVERLAY_ATTRIBUTES_H_
#define OVERPASS_OVERLAY_ATTRIBUTES_H_

#include <optional>

#include "base/result.h"
#include "overlay/entry.h"
#include "overlay/inode.h"
#include "overlay/set_ids.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;
class OpenFile;

/// What a layer says of a file, as the union shows it: with the union's inode number, the owner
/// that the mount shows, and with one link for a directory that is merged from several (overlayfs's
/// convention: not counted). `stat` is of layer_stat.h.
sys::Stat shown(const Overlay& overlay, const Inode& inode, sys::Stat stat);

/// L: none of rank Inode on entry.
Result<sys::Stat> attributes(Overlay& overlay, const InodeRef& inode);

/// The entry of an inode in memory.
/// L: none of rank Inode on entry.
Result<Entry> entry_of(Overlay& overlay, const InodeRef& inode);

/// Whether the kernel may keep `stat` as the attributes of this node. Not where they can change
/// without its knowledge: a superseded node and its successor, while both are there, are written
/// through each other; set-id bits fall; what is mapped is stored into (mappings.h).
bool may_cache_attributes(const Inode& inode, const sys::Stat& stat);

/// What to change; absent members stay as they are. Owners are those that the mount shows. Times
/// may be UTIME_NOW.
struct Changes {
  std::optional<mode_t> mode;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<off_t> size;
  std::optional<timespec> access_time;
  std::optional<timespec> modification_time;
  /// chown(path, -1, -1), or what the kernel makes of a write that costs privileges: it asks for
  /// nothing but that.
  bool costs_only_set_ids = false;
  /// The kernel tells the time of a write that it took note of (writeback=on): nothing forbids
  /// that.
  bool is_late_time = false;
  Changer by;  ///< Who makes them; only files with set-id bits ask.
};

/// Copies the inode up if need be and changes it; `open`, the handle through which the caller
/// changes the size, may be null. The new attributes. EOVERFLOW for an owner whom the disk does not
/// know.
/// May copy data: not for serving threads unless the inode is in the upper (needs_copy_up).
Result<sys::Stat> change_attributes(Overlay& overlay, const InodeRef& inode, const Changes& asked,
                                    OpenFile* open);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_ATTRIBUTES_H_
