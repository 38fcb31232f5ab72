// SPDX-License-Identifier: MIT
//
// Tells the changes of a union to a sink, in the order of names, each directory before what is in
// it.

#ifndef OVERPASS_SNAPSHOTS_LAYER_WALK_H_
#define OVERPASS_SNAPSHOTS_LAYER_WALK_H_

#include <expected>
#include <functional>
#include <string>

#include "base/result.h"
#include "layer/layer_stack.h"
#include "snapshots/layer_sink.h"

namespace overpass::snapshots {

struct WalkedLayer {
  const layer::LayerStack& layers;
  layer::LayerIndex changing_layers;  ///< As ReadOptions::changing_layers.
  /// Asked for a directory that was moved from that path of the lowers, whether it says so.
  /// Otherwise it is told with all that it shows.
  std::function<bool(const std::string& from)> tells_move = [](const std::string&) {
    return false;
  };
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

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_LAYER_WALK_H_
