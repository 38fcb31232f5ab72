// SPDX-License-Identifier: MIT
//
// What takes the upper's place when that is frozen: opened, claimed and prepared while requests are
// served, so that they need not wait for it.

#ifndef OVERPASS_OVERLAY_FREEZE_NEW_UPPER_H_
#define OVERPASS_OVERLAY_FREEZE_NEW_UPPER_H_

#include "base/result.h"
#include "base/unique_fd.h"
#include "layer/layer_paths.h"
#include "layer/layer_stack.h"

namespace overpass::overlay {

struct Overlay;

/// The directories of a freeze. Destroyed before it was used it leaves the new workdir as a mount
/// leaves it.
struct NewUpper {
  /// The new upper with its workdir; its only lower is the layer that will be frozen.
  layer::LayerStack stack;
  // The same directories through the mount that holds them all, since links are made and files are
  // moved within one mount only.
  UniqueFd upper = {};
  UniqueFd frozen = {};
  UniqueFd temporaries = {};  ///< "work" in the new workdir.
  UniqueFd index = {};        ///< "index" there.

  bool is_volatile = false;  ///< The new workdir has to say that writes may be lost.
};

/// Opens the new upper `paths.upper`, with `paths.work`, above the present one, which is at
/// `paths.lower` by now. What the union cannot do is EOPNOTSUPP, and directories that are not fit
/// are EINVAL; the log says which and why. Nothing of the union has changed then.
/// Threads: one at a time, beside those that serve requests.
Result<NewUpper> open_new_upper(const Overlay& overlay, const layer::LayerPaths& paths);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FREEZE_NEW_UPPER_H_
