// SPDX-License-Identifier: MIT
//
// The file that holds an inode's bytes: its own, or, for a metacopy, one in a layer below.

#ifndef OVERPASS_OVERLAY_CONTENT_H_
#define OVERPASS_OVERLAY_CONTENT_H_

#include "base/result.h"
#include "layer/layer_stack.h"
#include "overlay/inode.h"

namespace overpass::overlay {

struct Overlay;

struct Content {
  UniqueFd fd;
  layer::LayerIndex layer;  ///< Of the file that holds the bytes.
};

/// Opens it with the flags of open(2). EIO for a metacopy whose data are missing or are no regular
/// file.
/// L: no lock of rank Inode or beyond is held.
Result<Content> open_content(Overlay& overlay, Inode& inode, int flags);

/// The same for the data, at a known place, of the metacopy `metacopy`. With verity=on EIO also
/// when they have another digest than the metacopy says, with verity=require when it says none.
Result<UniqueFd> open_data(Overlay& overlay, sys::Place metacopy, const DataPlace& data, int flags);

/// The layer of the bytes.
layer::LayerIndex content_layer(const Inode& inode) REQUIRES(inode.mutex);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_CONTENT_H_
