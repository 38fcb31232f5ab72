// SPDX-License-Identifier: MIT
//
// Tells the changes of a union to a sink, in the order of names, each directory before what is in
// it.

#ifndef OVERPASS_ARCHIVE_LAYER_WALK_H_
#define OVERPASS_ARCHIVE_LAYER_WALK_H_

#include <expected>
#include <functional>
#include <string>

#include "archive/layer_sink.h"
#include "base/result.h"
#include "layer/layer_stack.h"

namespace overpass::archive {

struct WalkedLayer {
  const layer::LayerStack& layers;
  layer::LayerIndex changing_layers;  ///< As ReadOptions::changing_layers.
  /// A directory that was moved says from where. Otherwise it is told with all that it shows.
  bool tells_moves = false;
  std::function<bool()> is_stopped = [] { return false; };
  /// Told how many directories are done.
  std::function<void(size_t)> progress = [](size_t) {};
};

/// What could not be told, and why.
struct Unwritten {
  std::string path;
  Errno error;
};

/// Tells what the first layers change. ECANCELED when stopped.
std::expected<void, Unwritten> walk_layer(const WalkedLayer& layer, LayerSink& sink);

}  // namespace overpass::archive

#endif  // OVERPASS_ARCHIVE_LAYER_WALK_H_
