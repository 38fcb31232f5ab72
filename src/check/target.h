// SPDX-License-Identifier: MIT
//
// What a check looks at, opened so that looking changes nothing: where that is permitted every
// layer is a read-only clone of its mount, the upper too unless it is to be repaired. Unlike a
// mount, nothing is prepared and nothing is emptied.

#ifndef OVERPASS_CHECK_TARGET_H_
#define OVERPASS_CHECK_TARGET_H_

#include "base/problem.h"
#include "base/unique_fd.h"
#include "layer/layer_paths.h"
#include "layer/layer_stack.h"

namespace overpass::check {

struct Target {
  /// The upper at kUpper; the workdir of the stack stays empty. Its locks are held: no mount of
  /// overpass can begin meanwhile, but where directories cannot be locked (NFS).
  layer::LayerStack stack;
  UniqueFd work;  ///< The workdir, in which "work" and "index" are.
  /// Where the upper's file system takes none, whiteouts have no other form than names.
  bool upper_takes_xattrs = true;

  BorrowedFd upper() const { return stack.upper().root; }
  layer::Prefix prefix() const { return stack.prefix; }
};

/// Opens the layers. A Problem when one cannot be, or upper or workdir are in use by a mount.
/// REQUIRES: paths has an upper and a workdir.
Expected<Target> open_target(const layer::LayerPaths& paths, bool for_repair);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_TARGET_H_
