// SPDX-License-Identifier: MIT
//
// Requests that a former daemon of the mount got and did not answer (survive=on). The kernel sends
// them again, and has kept the names locked meanwhile: what the disk shows of these names is what
// the former daemon did.
//
// Each function says what was done: nothing for a request that comes for the first time
// (Caller::is_sent_again), and for one that is still to be carried out.

#ifndef OVERPASS_OVERLAY_CHANGE_SENT_AGAIN_H_
#define OVERPASS_OVERLAY_CHANGE_SENT_AGAIN_H_

#include <sys/types.h>

#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "overlay/change/create.h"
#include "overlay/state/caller.h"
#include "overlay/state/entry.h"

namespace overpass::overlay {

struct Overlay;

/// MKNOD, MKDIR, SYMLINK: the object, if it has the S_IFMT bits `type`.
Result<std::optional<Entry>> made_before(Overlay& overlay, const Caller& caller,
                                         const InodeRef& directory, const char* name, mode_t type);

/// CREATE: the file, opened.
Result<std::optional<Created>> created_before(Overlay& overlay, const Caller& caller,
                                              const InodeRef& directory, const char* name,
                                              int flags);

/// LINK: `inode`, if the name is one of its names.
Result<std::optional<Entry>> linked_before(Overlay& overlay, const Caller& caller,
                                           const InodeRef& inode, const InodeRef& directory,
                                           const char* name);

/// UNLINK, RMDIR: whether the name is gone.
Result<bool> removed_before(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                            const char* name);

/// RENAME: whether what had the name is at its new place.
bool renamed_before(const Overlay& overlay, const Caller& caller);

/// Such a rename may have died before it hid what lowers have under the old name.
Result<void> hide_old_name(Overlay& overlay, const InodeRef& directory, const char* name);

/// SETXATTR with XATTR_CREATE: whether the attribute has the value.
bool set_before(Overlay& overlay, const Caller& caller, const InodeRef& inode, const char* name,
                std::string_view value);

/// WRITE by a handle that appends: how many of the bytes the file has where the kernel took its end
/// to be.
size_t appended_before(Overlay& overlay, const Caller& caller, OpenFile& file,
                       std::span<const char> data, off_t offset);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_SENT_AGAIN_H_
