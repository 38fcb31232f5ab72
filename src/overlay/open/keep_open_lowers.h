// SPDX-License-Identifier: MIT
//
// Before another daemon serves the union with one more lower (survive=on): a file that is open may
// not be found under its name any more.

#ifndef OVERPASS_OVERLAY_OPEN_KEEP_OPEN_LOWERS_H_
#define OVERPASS_OVERLAY_OPEN_KEEP_OPEN_LOWERS_H_

namespace overpass::overlay {

struct Overlay;

/// Has the mount keep the files of lowers that are open (Mount::keep_file). One that is another
/// object by now is left out: what has it open is told ESTALE already.
/// L: no lock on entry.
void keep_open_lowers(Overlay& overlay);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_OPEN_KEEP_OPEN_LOWERS_H_
