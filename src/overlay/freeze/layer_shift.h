// SPDX-License-Identifier: MIT
//
// The union in memory, before and after its upper has become the topmost lower: every layer but the
// upper has the next index, and what the upper held is in layer 1. All is worked out beforehand, so
// that the exchange itself cannot fail, and can be taken back.

#ifndef OVERPASS_OVERLAY_FREEZE_LAYER_SHIFT_H_
#define OVERPASS_OVERLAY_FREEZE_LAYER_SHIFT_H_

#include <memory>
#include <vector>

#include "base/result.h"
#include "layer/layer_stack.h"
#include "overlay/state/inode.h"
#include "overlay/state/open_mode.h"
#include "overlay/state/shared_fd.h"

namespace overpass::overlay {

struct Overlay;

/// Layer 1 from a freeze on.
inline constexpr layer::LayerIndex kFrozen = 1;

/// Threads: the one that freezes. REQUIRES: no other uses the union while this lives, but for
/// requests that it has under way below and that need nothing of the union to end.
class LayerShift {
 public:
  /// Works it out; `fresh` has the new upper, and the frozen layer as its first lower. EBUSY when a
  /// copy-up is under way.
  static Result<LayerShift> plan(Overlay& overlay, layer::LayerStack fresh);

  LayerShift(LayerShift&&) = default;

  /// Exchanges what was and what will be. Called again it takes that back, whatever has been copied
  /// up in between.
  void exchange() noexcept;

  /// The upper's files that are open or may be mapped. They stay in the upper.
  const std::vector<InodeRef>& kept() const { return kept_; }
  /// What was in the upper and is in the frozen layer from now on, without directories.
  const std::vector<InodeRef>& frozen() const { return frozen_; }

  /// Drops from the caches what is no longer of use. After the exchange, when all is done. What
  /// takes long to give back is the caller's.
  std::vector<std::unique_ptr<OpenMode>> finish();

 private:
  struct DirectoryChange {
    InodeRef inode;
    bool has_upper;
    Identity upper;  ///< Of no meaning without `has_upper`.
    Impurity impurity;
    std::vector<layer::LayerIndex> lowers;
    std::vector<Identity> lower_identities;
    std::vector<std::weak_ptr<const CachedFd>> fds;
    std::unique_ptr<Relocation> relocation;
    bool has_new_fds;  ///< `fds` and `relocation` change as well.
    bool has_relocation;
  };

  explicit LayerShift(Overlay& overlay) : overlay_(&overlay) {}

  Result<void> add(const InodeRef& inode);
  void add_directory(const InodeRef& inode);
  Result<void> add_file(const InodeRef& inode);
  void take_layers(layer::LayerStack fresh);
  void exchange_layers() noexcept;
  void exchange_directory(DirectoryChange& change) noexcept;

  Overlay* overlay_;
  bool is_exchanged_ = false;
  std::vector<DirectoryChange> directories_;
  std::vector<InodeRef> lower_files_;  ///< Of the layers below.
  std::vector<InodeRef> with_data_;    ///< Their bytes are in a layer below.
  std::vector<InodeRef> frozen_;
  std::vector<InodeRef> kept_;

  // The layers that are not in use.
  std::vector<layer::Layer> layers_;
  std::vector<SharedFd> roots_;
  SharedFd index_;
  layer::Workdir workdir_;
  UniqueFd upper_lock_, work_lock_;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FREEZE_LAYER_SHIFT_H_
