// SPDX-License-Identifier: MIT
//
// Paths before and after the renames of a list of changes. A directory that was renamed took along
// what is below it.

#ifndef OVERPASS_APPLY_PATHS_H_
#define OVERPASS_APPLY_PATHS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "changes/change.h"

namespace overpass::apply {

/// Whether `path` is `directory` or lies below it. Everything is below "".
bool is_at_or_below(std::string_view path, std::string_view directory);

class Renames {
 public:
  Renames() = default;
  explicit Renames(const changes::List& list);

  /// Where what is below `path` of the union was in the lowers: by the nearest renamed directory
  /// above it, or `path` itself if that is one.
  std::string before(std::string_view path) const;

  /// The reverse: where the union has what is at `old_path` of the lowers, or would have it.
  std::string after(std::string_view old_path) const;

  /// By the directory that it is in alone: the path of a name that came to be in the union.
  std::string parent_before(std::string_view path) const;
  std::string parent_after(std::string_view old_path) const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;  ///< Old path and path.
};

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_PATHS_H_
