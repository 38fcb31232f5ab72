// SPDX-License-Identifier: MIT
//
// All marks of one file, read at once, and whether each of their values is one that overlayfs
// writes.

#ifndef OVERPASS_CHECK_MARKS_H_
#define OVERPASS_CHECK_MARKS_H_

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "check/finding.h"
#include "layer/markers.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::check {

/// Every mark of the format, those too that a mount does not read.
enum class MarkName {
  Opaque,
  Redirect,
  Metacopy,
  Origin,
  Impure,
  Nlink,
  Upper,
  Uuid,
  Protattr,
  Whiteout,
};
inline constexpr size_t kMarkNames = 10;

struct Marks {
  std::array<std::optional<std::string>, kMarkNames> values;
  std::vector<std::string> unknown;       ///< Full names with the prefix and no known ending.
  std::vector<std::string> other_prefix;  ///< Full names of marks with the other prefix.
  std::vector<std::string> foreign;       ///< Full names of fuse-overlayfs's attributes.

  const std::optional<std::string>& operator[](MarkName name) const {
    return values[static_cast<size_t>(name)];
  }
};

/// The full name, "trusted.overlay.nlink".
std::string full_name(MarkName name, layer::Prefix prefix);

/// Reads the marks of a file of the upper. Empty where the file system has no attributes.
Result<Marks> read_marks(sys::Place place, layer::Prefix prefix);

/// What is wrong with a value.
struct BadMark {
  Kind kind;
  std::string detail;
};

/// Where a file with marks is: some marks belong to one place only.
enum class Where { UpperRoot, Upper, IndexRoot, Index };

/// The marks whose value overlayfs would not take, or that mean nothing on a file of this type.
/// Does not look at what the values lead to.
std::vector<BadMark> bad_marks(const Marks& marks, const sys::Stat& stat, Where where);

/// A value for messages: as text if it is printable, else in hexadecimal; cut when it is long.
std::string shown_value(std::string_view value);

}  // namespace overpass::check

#endif  // OVERPASS_CHECK_MARKS_H_
