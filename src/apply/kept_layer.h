// SPDX-License-Identifier: MIT
//
// What an apply replaces, deletes and adds, kept as an upper over the directory as it is
// afterwards: the union of both shows the directory as it was before. So an apply of this upper
// takes the first one back. Overlayfs's marks say what was added (whiteouts) and where a directory
// was before (redirects).

#ifndef OVERPASS_APPLY_KEPT_LAYER_H_
#define OVERPASS_APPLY_KEPT_LAYER_H_

#include <string>
#include <vector>

#include "apply/copy_object.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "changes/change.h"
#include "changes/view.h"
#include "layer/markers.h"

namespace overpass::apply {

/// Paths are of the directory as it was before. Directories above are made as they are there.
class KeptLayer {
 public:
  /// `before` shows the directory as it was; `root` is the empty upper.
  KeptLayer(changes::View& before, UniqueFd root, layer::Prefix prefix);

  /// Keeps what is at `path` with all below it, but for what is at or below one of `moved`.
  Result<void> keep(const std::string& path, const std::vector<std::string>& moved);

  /// Keeps the attributes of what is at `path`, of a file without its bytes.
  Result<void> keep_attributes(const std::string& path);

  /// Nothing was at `path`.
  Result<void> keep_absence(const std::string& path);

  /// The directory at `path` is at `new_path` afterwards.
  Result<void> keep_move(const std::string& path, const std::string& new_path);

  /// To be called at the end.
  Result<void> finish() { return directories_.finish(); }

 private:
  Result<UniqueFd> open(const std::string& path);
  Result<UniqueFd> directory(const std::string& path);
  Result<void> copy(const changes::Found& found, const std::string& path);
  bool has(const std::string& path);

  changes::View& before_;
  UniqueFd root_;
  layer::Prefix prefix_;
  CopyOptions options_;
  FilledDirectories directories_;
};

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_KEPT_LAYER_H_
