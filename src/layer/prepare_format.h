// SPDX-License-Identifier: MIT
//
// Settles which parts of the format the mount uses, now that its layers are open: what their file
// systems cannot do is off, as on overlayfs, with a line in the log if it was asked for.
//
// xattr_permissions= at the start of a mount: which layers keep owners in attributes.

#ifndef OVERPASS_LAYER_PREPARE_FORMAT_H_
#define OVERPASS_LAYER_PREPARE_FORMAT_H_

#include "base/problem.h"
#include "layer/layer_paths.h"
#include "layer/layer_stack.h"

namespace overpass::layer {

/// Fills in stack.format, stack.format_reasons and, with an index, stack.index; marks the upper's
/// root where the format wants it marked. A problem when the upper or the index belongs to other
/// layers. REQUIRES: everything else of `stack` is filled in, and check_choice() has passed.
Expected<void> prepare_format(LayerStack& stack, const LayerPaths& paths);

/// Whether another lower, which is not in `stack` yet, can be read in the format that it uses, and
/// what the layers' marks mean with it. Settles `lower`, and of the stack's layers only which have
/// a UUID in common. A problem with index=on and metacopy=on, which tie files of the upper to the
/// lowers that they were copied from by what lies above them.
Expected<void> join_format(LayerStack& stack, Layer& lower, StatOverride kind);

/// Whether inode numbers have to tell file systems apart (xino), by the layers in `stack`.
void settle_numbers(LayerStack& stack);

/// Its root tells of a layer, as for fuse-overlayfs(1): without the attribute there is none below.
/// The root of the upper is given it if need be. REQUIRES: the layers are open.
Expected<void> prepare_override(LayerStack& stack, StatOverride kind);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_PREPARE_FORMAT_H_
