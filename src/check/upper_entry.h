// SPDX-License-Identifier: MIT
//
// One entry of a directory of the upper: what it is, and what the lowers have to say about it.

#ifndef OVERPASS_CHECK_UPPER_ENTRY_H_
#define OVERPASS_CHECK_UPPER_ENTRY_H_

#include <optional>
#include <string>
#include <vector>

#include "check/context.h"
#include "check/upper_directory.h"

namespace overpass::check {

/// Reports what is wrong with the entry. A directory is returned, to be walked.
Result<std::optional<UpperDirectory>> examine_entry(Context& context, OpenUpperDirectory& open,
                                                    const std::string& name);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_UPPER_ENTRY_H_
