// SPDX-License-Identifier: MIT
//
// Keeps stamps of what the upper begins to stand for (state/base_log.h), and the bytes of regular
// files if these are asked for. Costs one look where nothing is kept. What cannot be kept is
// missing, and no change fails for that.

#ifndef OVERPASS_OVERLAY_COPY_UP_NOTE_BASE_H_
#define OVERPASS_OVERLAY_COPY_UP_NOTE_BASE_H_

#include <string>

#include "base/unique_fd.h"
#include "layer/layer_stack.h"
#include "overlay/state/inode.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// The copy of `name` in `directory` of `layer`, which `stat` is of and which is at `file`, is
/// about to be published, with all of its bytes or not. L: none of rank Inode or beyond on entry.
/// May block for as long as a small file is read.
void note_copied(const Overlay& overlay, Inode& directory, const std::string& name,
                 layer::LayerIndex layer, const sys::Stat& stat, sys::Place file);

/// The directory is about to be copied; `stat` is its own in `layer`.
/// L: none of rank Inode or beyond on entry.
void note_copied(const Overlay& overlay, Inode& directory, layer::LayerIndex layer,
                 const sys::Stat& stat);

/// What the lowest lower has as `name` in `directory` is about to be hidden by what `upper`, its
/// directory in the upper, gets under that name. Nothing if it has the name already.
/// L: none of rank Inode or beyond on entry. May block for as long as a small file is read.
void note_hidden(Overlay& overlay, Inode& directory, BorrowedFd upper, const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_NOTE_BASE_H_
