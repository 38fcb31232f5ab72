// SPDX-License-Identifier: MIT
//
// chattr(1) flags and project ids: the ioctls that a file system's inode answers.

#ifndef OVERPASS_OVERLAY_CHANGE_FILE_FLAGS_H_
#define OVERPASS_OVERLAY_CHANGE_FILE_FLAGS_H_

#include <span>
#include <vector>

#include "base/result.h"
#include "overlay/state/caller.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// Whether `request` is one of FS_IOC_GETFLAGS, FS_IOC_FSGETXATTR, FS_IOC_GETVERSION (which read)
/// or FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR (which write).
bool is_flag_request(unsigned request);
bool is_flag_change(unsigned request);

/// Runs the request on the inode's file: `input` is the caller's argument, the result the answer to
/// the caller, of `output_size` bytes. ENOTTY for any other request. kMustWait for a change, as for
/// copy_up_metadata().
Result<std::vector<char>> flag_request(Overlay& overlay, const Caller& caller,
                                       const InodeRef& inode, unsigned request,
                                       std::span<const char> input, size_t output_size);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CHANGE_FILE_FLAGS_H_
