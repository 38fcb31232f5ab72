// SPDX-License-Identifier: MIT
//
// Protection by chattr(1) of what was copied up. The flags are not set on the copy, which the union
// must still be able to handle, but kept in a mark (overlay.protattr) and enforced here, since the
// kernel does not know them of a FUSE file.

#ifndef OVERPASS_OVERLAY_FIND_PROTECTION_H_
#define OVERPASS_OVERLAY_FIND_PROTECTION_H_

#include "base/result.h"
#include "layer/mark_values.h"
#include "overlay/state/inode.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// EROFS for a file that a rule of the mount protects; EPERM for one that may not be changed, or
/// not in another way than by `appending`.
Result<void> check_protection(const Overlay& overlay, const Inode& inode, bool appending = false);

/// The flags of the lower's object at `place`; `stat`: its attributes.
Result<layer::ProtectionMark> protection_of(sys::Place place, const sys::Stat& stat);

/// What protects the object `place` of `layer`: in the upper, and in what was the upper, its mark;
/// elsewhere the flags of its file system. `stat`: its attributes.
Result<layer::ProtectionMark> protection_in(Overlay& overlay, layer::LayerIndex layer,
                                            sys::Place place, const sys::Stat& stat);

/// The mark of an upper file; nothing protects where there is none.
Result<layer::ProtectionMark> read_protection(Overlay& overlay, sys::Place place);

/// Writes the mark, or takes it away when nothing protects.
Result<void> write_protection(Overlay& overlay, sys::Place place, layer::ProtectionMark mark);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_PROTECTION_H_
