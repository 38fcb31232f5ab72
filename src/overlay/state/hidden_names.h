// SPDX-License-Identifier: MIT
//
// Names that a lower has and the union does not show (layer/layer_stack.h). A directory knows what
// is hidden in it or below; every other directory knows of nothing, and nothing is asked there.

#ifndef OVERPASS_OVERLAY_STATE_HIDDEN_NAMES_H_
#define OVERPASS_OVERLAY_STATE_HIDDEN_NAMES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layer/layer_stack.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

/// The rest of `path` after the directory `leading`; empty if the path does not lead through it.
std::string_view behind(std::string_view path, std::string_view leading);

/// The hidden names that the root of the union must know; null if nothing is hidden.
std::unique_ptr<HiddenNames> hidden_names_of(layer::LayerStack& stack);

/// Tells the new directory `child`, found as `name` in `parent`, what is hidden in it. `all`: what
/// the root of the union knows; may be null.
/// L: none of rank Inode on entry; nothing else knows `child` yet.
void pass_on_hidden(const HiddenNames* all, const Inode& parent, std::string_view name,
                    Inode& child);

/// The hidden object `name` of `layer` in `directory`; null if nothing is hidden there.
const HiddenName* find_hidden(const Directory& directory, layer::LayerIndex layer,
                              std::string_view name);

/// Whether something is hidden as `name`, so that no new object may have the name: another mount of
/// the layers would merge it with what is hidden.
bool is_hidden_name(const Directory& directory, std::string_view name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_HIDDEN_NAMES_H_
