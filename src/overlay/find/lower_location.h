// SPDX-License-Identifier: MIT
//
// The places of lowers. Ordinarily a directory's part in a lower has the directory's own name in
// its parent's part. Redirects (overlay.redirect) put it elsewhere, and everything below it
// follows.
//
// A location never changes, since lowers do not. What is renamed in the union gets a Relocation at
// that moment, so that its new name does not matter.

#ifndef OVERPASS_OVERLAY_FIND_LOWER_LOCATION_H_
#define OVERPASS_OVERLAY_FIND_LOWER_LOCATION_H_

#include <string>

#include "layer/layer_stack.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

/// The path of `directory` in `layer`, one of its lowers, from the layer's root: "" for the root
/// itself, else "/a/b".
/// L: none of rank Inode or beyond on entry.
std::string layer_path_of(Inode& directory, layer::LayerIndex layer);

/// The path of `directory` in the union of the lowers alone, without the upper: what a redirect in
/// the upper says. The same form.
/// L: none of rank Inode or beyond on entry.
std::string lowers_path_of(Inode& directory);

/// Position of `layer` among the directory's lowers.
size_t slot_of(const Directory& directory, layer::LayerIndex layer);

/// Whether the directory shows something of `layer`, a lower.
bool is_lower_of(const Directory& directory, layer::LayerIndex layer);

/// `directory`'s Relocation, made from where it is now if it has none.
/// L: none of rank Inode or beyond on entry.
Relocation relocation_of(Inode& directory);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_LOWER_LOCATION_H_
