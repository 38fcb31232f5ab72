// SPDX-License-Identifier: MIT
//
// chmod(2), chown(2), truncate(2), utimensat(2) on the union.

#ifndef OVERPASS_OVERLAY_CHANGE_CHANGE_ATTRIBUTES_H_
#define OVERPASS_OVERLAY_CHANGE_CHANGE_ATTRIBUTES_H_

#include <sys/types.h>

#include <ctime>
#include <optional>

#include "base/result.h"
#include "overlay/find/set_ids.h"
#include "overlay/state/inode.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;
class OpenFile;

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
};

/// Copies the inode up if need be and changes it; `open`, the handle through which the caller
/// changes the size, may be null. The new attributes. EOVERFLOW for an owner that the disk does not
/// know; kMustWait.
Result<sys::Stat> change_attributes(Overlay& overlay, const Caller& caller, const InodeRef& inode,
                                    const Changes& asked, OpenFile* open);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_CHANGE_ATTRIBUTES_H_
