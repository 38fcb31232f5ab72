// SPDX-License-Identifier: MIT
//
// Directories inside a lower that the union must not show as they are there. The upper and its
// workdir may lie in a lower, as they do below "/": shown, every file of the upper would be seen a
// second time and could change behind the union's back. The mountpoint may lie in a lower that is
// used by its path: a walk into it there would wait for the union itself.
//
// The layers of one mount, opened once and never changed afterwards, but for a freeze
// (overlay/freeze/freeze.h), during which nothing else uses them: the upper at index 0 if there
// is one, the lowers from 1 on, topmost first. How they come to be open is open_layers.h.

#ifndef OVERPASS_LAYER_LAYER_STACK_H_
#define OVERPASS_LAYER_LAYER_STACK_H_

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "layer/format_settings.h"
#include "layer/markers.h"
#include "layer/named_directory.h"
#include "layer/resolve_format.h"
#include "layer/stat_override.h"
#include "layer/workdir.h"
#include "sys/file_handle.h"

namespace overpass::layer {

struct HiddenPath {
  uint16_t layer;    ///< The lower's LayerIndex.
  std::string path;  ///< From its root: "tmp/upper".
  /// The directory beneath the mountpoint, which is shown instead. Empty: nothing is shown.
  UniqueFd beneath;
};

/// Adds `directory` for the lower `layer`, which was named `lower` and is used through `root`, if
/// it is visible in there. Returns whether it is.
bool hide(std::vector<HiddenPath>& hidden, uint16_t layer, BorrowedFd root,
          const NamedDirectory& lower, const NamedDirectory& directory);

/// Position in LayerStack::layers. kUpper is the upper's also when there is none.
using LayerIndex = uint16_t;
inline constexpr LayerIndex kUpper = 0;

/// What is known of a layer.
struct LayerProperties {
  std::string path;               ///< As the user gave it, for messages.
  bool is_present = false;        ///< False for a missing upper only.
  dev_t device = 0;               ///< st_dev of the root.
  sys::FileSystemUuid uuid = {};  ///< For origins; zeros when the file system tells none.
  /// Origins are taken whatever file system they name (uuid=off).
  bool any_uuid = false;
  /// Another lower is on another file system of the same UUID: an origin could be of either.
  bool ambiguous_uuid = false;
  /// A file handle leads to one file for ever. Not on FUSE: its servers may give a handle to
  /// another file once the kernel has forgotten the first. Such handles are not kept on disk.
  bool lasting_handles = true;
  /// An object never changes its inode number. Not on FUSE and overlayfs, which may number it anew
  /// once the kernel has forgotten it.
  bool stable_numbers = true;
  /// On a file server (network, FUSE), which may answer late or not at all.
  bool is_remote = false;
  /// The kernel itself refuses writes below `root` (a read-only clone of the mount).
  bool write_protected = false;
  /// May hold marks that neither overpass nor overlayfs wrote (fuse-overlayfs's).
  bool foreign_marks = true;
  /// Was this mount's upper until it was frozen, so it may hold what this mount writes.
  bool was_upper = false;
  /// Where its files keep the owners, modes and kinds that they show.
  StatOverride stat_override = StatOverride::None;
};

struct Layer : LayerProperties {
  UniqueFd root;  ///< O_PATH; empty for a missing upper, and once the overlay has taken it.
};

/// All layers of one mount and the format that they are read by. open_layers.h makes it, settled
/// and checked; the overlay takes it at the mount.
///
/// Invariants:
/// 1. layers[0] is the upper, present or not; the lowers follow, topmost first.
/// 2. Merged lowers come first, then data-only layers from `first_data_only` on.
/// 3. While it lives, `upper_lock` and `work_lock` keep other mounts of overpass from its upper and
///    workdir, where the file system locks directories (NFS does not).
///
/// Threads: any, without locks: nothing in it changes once the overlay has taken it, apart from
/// what Workdir says of itself, and a freeze. Only the overlay's constructor moves descriptors out
/// of it.
struct LayerStack {
  std::vector<Layer> layers;
  /// From here on layers are data-only (lowerdir=a::b): not merged, only found by absolute
  /// redirects of metacopies in the lowers above. layers.size() or more when there are none.
  LayerIndex first_data_only = std::numeric_limits<LayerIndex>::max();
  std::vector<HiddenPath> hidden;  ///< What of the lowers is not shown.
  Workdir workdir;                 ///< Empty without an upper.
  UniqueFd index;                  ///< The index directory, with index=on; the overlay takes it.
  Prefix prefix = Prefix::Trusted;
  FormatSettings format;
  FormatReasons format_reasons;
  /// Whether some layer is itself a stacked file system (overlayfs, FUSE).
  bool has_stacked_layer = false;
  /// Kept open for their flock(2): upper and workdir are in use by this mount.
  UniqueFd upper_lock;
  UniqueFd work_lock;

  bool has_upper() const { return layers[kUpper].is_present; }
  const Layer& upper() const { return layers[kUpper]; }
  /// Behind the last layer that is merged.
  LayerIndex lowers_end() const { return std::min(first_data_only, size()); }
  LayerIndex size() const { return static_cast<LayerIndex>(layers.size()); }
  bool all_on_one_device() const;
};

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_LAYER_STACK_H_
