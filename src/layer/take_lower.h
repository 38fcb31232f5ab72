// SPDX-License-Identifier: MIT
//
// A directory that the user named becomes a lower: what is to be known of it, and how the daemon
// reads it.

#ifndef OVERPASS_LAYER_TAKE_LOWER_H_
#define OVERPASS_LAYER_TAKE_LOWER_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/problem.h"
#include "layer/layer_stack.h"
#include "layer/named_directory.h"
#include "sys/file_handle.h"

namespace overpass::layer {

/// What is true of a whole file system. Lowers are often on one, which is asked once.
struct FileSystem {
  dev_t device = 0;
  uint64_t magic = 0;
  std::optional<sys::FileSystemUuid> uuid;
};

/// Of the directory's file system; `last` is that of another directory.
FileSystem file_system_of(const NamedDirectory& directory, const FileSystem& last);

/// Whether file systems of this magic number show others (overlayfs, FUSE).
bool is_stacked(uint64_t magic);

/// Notes what the magic number of its file system says of a layer.
void describe(LayerProperties& layer, uint64_t magic);

/// Whether a lower that may not be read is taken: by root of a user namespace, as on overlayfs;
/// reading fails then. A system call.
Unreadable unreadable_lowers();

/// The lower as it will be used: through a read-only clone where that is permitted.
Expected<Layer> take_lower(const NamedDirectory& directory, const FileSystem& on);

/// Logs that a lower inside the upper changes with it, if it is.
void warn_of_overlap(const NamedDirectory& upper, const NamedDirectory& lower);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_TAKE_LOWER_H_
