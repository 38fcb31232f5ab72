// SPDX-License-Identifier: MIT
//
// One entry of a directory of the upper: what it is, and what the lowers have to say about it.

#ifndef OVERPASS_CHECK_UPPER_ENTRY_H_
#define OVERPASS_CHECK_UPPER_ENTRY_H_

#include <optional>
#include <string>
#include <vector>

#include "check/context.h"

namespace overpass::check {

/// A directory of the upper and what it is merged with.
struct UpperDirectory {
  std::string path;  ///< Without leading slash; empty for the root.
  size_t step = 0;   ///< In Context::steps.
  LowerStack lowers = {};
  bool is_opaque = false;
  bool has_xwhiteouts = false;  ///< Names in it may be whiteouts by attribute.
  bool has_impure_mark = false;
  /// A redirect on the way to it leads nowhere, so that what its lowers are is not known.
  bool is_uncertain = false;
};

/// The same while its entries are looked at.
struct OpenUpperDirectory {
  const UpperDirectory& directory;
  BorrowedFd fd;              ///< For reading.
  OpenLowers lower_fds;       ///< Of directory.lowers; empty when they cannot be opened.
  bool needs_impure = false;  ///< Set when an entry came from a lower.
};

/// Reports what is wrong with the entry. A directory is returned, to be walked.
Result<std::optional<UpperDirectory>> examine_entry(Context& context, OpenUpperDirectory& open,
                                                    const std::string& name);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_UPPER_ENTRY_H_
