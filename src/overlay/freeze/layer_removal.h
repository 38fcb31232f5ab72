// SPDX-License-Identifier: MIT
//
// Frozen lowers leave a union in use: what they changed has been carried to the lowest lower, or is
// given up. Every inode in memory becomes what the layers that stay show under its name. The kernel
// keeps node ids, working directories and open files. docs/freeze.md has the whole of it.

#ifndef OVERPASS_OVERLAY_FREEZE_LAYER_REMOVAL_H_
#define OVERPASS_OVERLAY_FREEZE_LAYER_REMOVAL_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "layer/layer_stack.h"
#include "overlay/state/inode.h"
#include "overlay/state/shared_fd.h"

namespace overpass::overlay {

struct Overlay;

/// Threads: the one that removes. REQUIRES: no other uses the union while this lives.
class LayerRemoval {
 public:
  /// `goes`: which layers, by index; neither the upper nor the lowest lower is among them. None may
  /// go: then directories get the lowers that have come to be beneath them. `loses_names`: layers
  /// that stay lose names between prepare() and carry_out().
  LayerRemoval(Overlay& overlay, std::vector<bool> goes, bool loses_names = false);

  /// Opens what will be needed. EBUSY when a copy-up is under way, EOPNOTSUPP for bytes of a
  /// metacopy in a layer that goes, else what the file systems report. Nothing has changed then.
  Result<void> prepare();

  /// Takes the layers out. What cannot be found any more, or is something else now, loses its name:
  /// the next lookup finds what is there. An open file goes on without a name.
  void carry_out();

  /// The index of each former layer by now; kUpper for one that has gone.
  const std::vector<layer::LayerIndex>& indices() const { return indices_; }

  /// What the kernel knows by names that do not lead to it any more.
  const std::vector<NodeId>& lost() const { return lost_; }

 private:
  void keep_layers();
  void keep_lowers(Inode& inode);
  void look_at_directories();
  void look_at_directory(const InodeRef& inode);
  void look_at_file(const InodeRef& inode);
  void lose_directory(Inode& inode);
  void detach_file(const InodeRef& inode);
  bool shows(const Link& link, const Inode& inode, layer::LayerIndex& layer);

  Overlay& overlay_;
  const std::vector<bool> goes_;
  std::vector<layer::LayerIndex> indices_;
  std::vector<InodeRef> all_;
  std::map<Inode*, SharedFd> open_;  ///< Open files that may lose their names.
  /// Layers that stay lose names; or some directory is elsewhere in its lowers, and what is in it
  /// may have moved there. Then each file is looked for.
  bool has_moved_;
  std::vector<NodeId> lost_;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FREEZE_LAYER_REMOVAL_H_
