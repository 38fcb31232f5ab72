// SPDX-License-Identifier: MIT
//
// Whether a file can be part of a layer as it is, or come out of one.

#ifndef OVERPASS_APPLY_PLAIN_H_
#define OVERPASS_APPLY_PLAIN_H_

#include "base/result.h"
#include "sys/place.h"

namespace overpass::apply {

/// Whether the file has an attribute of overlayfs's, which means something in a layer.
Result<bool> has_marks(sys::Place place);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_PLAIN_H_
