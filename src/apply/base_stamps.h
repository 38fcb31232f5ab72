// SPDX-License-Identifier: MIT
//
// Stamps of a directory as it is now, for changes that are over it from now on.

#ifndef OVERPASS_APPLY_BASE_STAMPS_H_
#define OVERPASS_APPLY_BASE_STAMPS_H_

#include <string>

#include "apply/base_check.h"
#include "apply/target.h"
#include "base/problem.h"
#include "base/result.h"
#include "changes/change.h"

namespace overpass::apply {

/// Adds stamps of the tree at `path` of the target (layer/base_stamp.h) to `text`.
Result<void> add_stamps(const Target& target, const std::string& path, std::string& text);

/// Stamps of all that the changes of `list` stand for in the target: what they change, move, delete
/// and hide, with all below it.
Result<std::string> stamps_of_base(const Target& target, const changes::List& list);

/// The stamps of the directory `former`, where it still is what they say, as those of `now`: what
/// is alike there has the stamp that it has there, and all else one that fits nothing. What has the
/// same size, modification time and mode is alike without being read. `former` may be empty: then
/// it is not looked at. A problem if a directory cannot be opened.
Expected<Stamps> stamps_in(const Stamps& stamps, const std::string& former, const std::string& now);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_BASE_STAMPS_H_
