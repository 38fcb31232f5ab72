// SPDX-License-Identifier: MIT
//
// Keeps stamps of what the upper begins to stand for (state/base_log.h). Costs one look where none
// are kept.

#ifndef OVERPASS_OVERLAY_COPY_UP_NOTE_BASE_H_
#define OVERPASS_OVERLAY_COPY_UP_NOTE_BASE_H_

#include <string>

#include "base/unique_fd.h"
#include "layer/layer_stack.h"
#include "overlay/state/inode.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// The copy of `name` in `directory` of `layer`, which `stat` is of, is about to be published.
/// L: none of rank Inode or beyond on entry.
void note_copied(const Overlay& overlay, Inode& directory, const std::string& name,
                 layer::LayerIndex layer, const sys::Stat& stat);

/// The directory is about to be copied; `stat` is its own in `layer`.
/// L: none of rank Inode or beyond on entry.
void note_copied(const Overlay& overlay, Inode& directory, layer::LayerIndex layer,
                 const sys::Stat& stat);

/// What the lowest lower has as `name` in `directory` is about to be hidden by what `upper`, its
/// directory in the upper, gets under that name. Nothing if it has the name already.
/// L: none of rank Inode or beyond on entry.
void note_hidden(Overlay& overlay, Inode& directory, BorrowedFd upper, const char* name);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_COPY_UP_NOTE_BASE_H_
