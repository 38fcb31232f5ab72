// SPDX-License-Identifier: MIT
//
// A directory among the entries of another one: what it is merged with, and whether its marks make
// that so.

#ifndef OVERPASS_CHECK_UPPER_DIRECTORY_H_
#define OVERPASS_CHECK_UPPER_DIRECTORY_H_

#include <string>

#include "check/context.h"
#include "check/upper_entry.h"

namespace overpass::check {

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
