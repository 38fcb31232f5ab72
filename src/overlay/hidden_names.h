// SPDX-License-Identifier: MIT
//
// Names that a lower has and the union does not show (layer/hidden_path.h). A directory knows what
// is hidden in it or below; every other directory knows of nothing, and nothing is asked there.

#ifndef OVERPASS_OVERLAY_HIDDEN_NAMES_H_
#define OVERPASS_OVERLAY_HIDDEN_NAMES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layer/layer_stack.h"
#include "overlay/shared_fd.h"

namespace overpass::overlay {

class Inode;
struct Directory;
struct Overlay;

struct HiddenName {
  layer::LayerIndex layer;
  std::string rest;  ///< The path from the directory that knows it; a name, if it is in there.
  SharedFd beneath;  ///< What is shown instead; null: nothing.
};

using HiddenNames = std::vector<HiddenName>;

/// What the root of the union has to know; null where nothing is hidden.
std::unique_ptr<HiddenNames> hidden_names_of(layer::LayerStack& stack);

/// Tells the new directory `child`, found as `name` in `parent`, what is hidden in it.
/// L: none of rank Inode on entry; nothing else knows `child` yet.
void pass_on_hidden(const Overlay& overlay, const Inode& parent, std::string_view name,
                    Inode& child);

/// What is hidden of `layer` as `name` in `directory`; null where nothing is.
const HiddenName* find_hidden(const Directory& directory, layer::LayerIndex layer,
                              std::string_view name);

/// What is hidden of `layer` at `path`, from its root without a slash in front; null where nothing
/// is.
const HiddenName* find_hidden_path(const Overlay& overlay, layer::LayerIndex layer,
                                   std::string_view path);

/// Where a walk along a path begins that must not lead into the union's own mount.
struct WalkStart {
  SharedFd directory;     ///< Null: the path leads to what is not shown.
  std::string_view rest;  ///< What is left of the path; empty: the directory itself.
};

/// For `path`, from the root of `layer` without a slash in front.
WalkStart walk_start(const Overlay& overlay, layer::LayerIndex layer, std::string_view path);

/// Whether something is hidden as `name`, so that no new object may have the name: another mount of
/// the layers would merge it with what is hidden.
bool is_hidden_name(const Directory& directory, std::string_view name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_HIDDEN_NAMES_H_
