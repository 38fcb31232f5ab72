// SPDX-License-Identifier: MIT
//
// Stamps of a directory as it is now, for changes that are over it from now on.

#ifndef OVERPASS_APPLY_BASE_STAMPS_H_
#define OVERPASS_APPLY_BASE_STAMPS_H_

#include <string>

#include "apply/target.h"
#include "base/result.h"
#include "changes/change.h"

namespace overpass::apply {

/// Adds stamps of the tree at `path` of the target (layer/base_stamp.h) to `text`.
Result<void> add_stamps(const Target& target, const std::string& path, std::string& text);

/// Stamps of all that the changes of `list` stand for in the target: what they change, move, delete
/// and hide, with all below it.
Result<std::string> stamps_of_base(const Target& target, const changes::List& list);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_BASE_STAMPS_H_
