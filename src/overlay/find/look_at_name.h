// SPDX-License-Identifier: MIT
//
// Whether a name that is known still leads where it led.

#ifndef OVERPASS_OVERLAY_FIND_LOOK_AT_NAME_H_
#define OVERPASS_OVERLAY_FIND_LOOK_AT_NAME_H_

#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// Makes `known` stale (Inode::is_stale) if the layers show something else under its name by now.
/// Files of the upper are left alone.
/// REQUIRES: directory->names is held; L: none of rank Inode or beyond.
void look_at_name(Overlay& overlay, Inode& directory, const char* name, Inode& known);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_LOOK_AT_NAME_H_
