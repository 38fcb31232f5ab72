// SPDX-License-Identifier: MIT
//
// A directory among the entries of another one: what it is merged with, and whether its marks make
// that so.

#ifndef OVERPASS_CHECK_UPPER_DIRECTORY_H_
#define OVERPASS_CHECK_UPPER_DIRECTORY_H_

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

/// An entry of it.
struct UpperEntry {
  std::string name;
  std::string path;  ///< Without leading slash.
  sys::Stat stat;
  Marks marks;

  std::string shown_path() const { return "/" + path; }
};

/// Reports what its redirect and opaque marks, and an origin that leads elsewhere, do wrong.
Result<UpperDirectory> examine_directory(Context& context, const OpenUpperDirectory& open,
                                         const UpperEntry& entry);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_UPPER_DIRECTORY_H_
