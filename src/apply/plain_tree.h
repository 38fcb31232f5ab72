// SPDX-License-Identifier: MIT
//
// Whether files can be part of a layer as they are: without what means something there.

#ifndef OVERPASS_APPLY_PLAIN_TREE_H_
#define OVERPASS_APPLY_PLAIN_TREE_H_

#include <string>

#include "apply/target.h"
#include "base/result.h"
#include "sys/place.h"

namespace overpass::apply {

/// Whether the file has an attribute of overlayfs's.
Result<bool> has_marks(sys::Place place);

/// Whether neither what is at `path` nor anything below it has such an attribute, or is a whiteout.
Result<bool> is_plain(const Target& target, const std::string& path);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_PLAIN_TREE_H_
