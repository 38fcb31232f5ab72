// SPDX-License-Identifier: MIT
//
// Changes as a layer of a container image (OCI image-spec, "Image Layer Filesystem Changeset"): an
// archive of what was added or changed; an empty file ".wh.NAME" says that NAME was deleted, and
// ".wh..wh..opq" that a directory has nothing of what was below it.

#ifndef OVERPASS_ARCHIVE_IMAGE_LAYER_H_
#define OVERPASS_ARCHIVE_IMAGE_LAYER_H_

#include <functional>
#include <string>

#include "archive/tar_writer.h"
#include "base/result.h"
#include "layer/layer_stack.h"

namespace overpass::archive {

struct ImageLayer {
  const layer::LayerStack& layers;
  layer::LayerIndex changing_layers;  ///< As ReadOptions::changing_layers.
  std::string place;   ///< Where the union is, without slashes around; "" is the root.
  bool has_one_owner;  ///< Owners are not told: all is root's.
  std::function<bool()> is_stopped = [] { return false; };
};

/// What could not be written, and why.
struct Unwritten {
  std::string path;
  Errno error;
};

/// Adds what the first layers change, in the order of names, each directory before what is in it. A
/// directory that was moved is written with all that it shows, since such a layer cannot say where
/// it was. Sockets are left out: tar has none.
std::expected<void, Unwritten> write_image_layer(const ImageLayer& layer, TarWriter& writer);

}  // namespace overpass::archive

#endif  // OVERPASS_ARCHIVE_IMAGE_LAYER_H_
