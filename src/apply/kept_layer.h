// SPDX-License-Identifier: MIT
//
// What an apply replaces, deletes and adds, kept as an upper over the directory as it is
// afterwards: the union of both shows the directory as it was before. So an apply of this upper
// takes the first one back. Overlayfs's marks say what was added (whiteouts) and where a directory
// was before (redirects).

#ifndef OVERPASS_APPLY_KEPT_LAYER_H_
#define OVERPASS_APPLY_KEPT_LAYER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "apply/copy_object.h"
#include "apply/target.h"
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

  /// Files of `target`, which `before` shows, are kept themselves where that can be: by another
  /// name. REQUIRES: it outlives this, and is on the same mount.
  void link_from(const Target& target) { target_ = &target; }

  /// The file with this inode number is going to be changed, so that it has to be copied.
  void expect_change(uint64_t ino) { changing_.insert(ino); }

  /// Keeps what is at `path` with all below it, but for what is at or below one of
  /// `moved`. EOPNOTSUPP for what would be a mark in a layer: a whiteout of another union.
  Result<void> keep(const std::string& path, const std::vector<std::string>& moved);

  /// Keeps a copy of the file at `path`, which stays the same file but gets another content.
  Result<void> keep_content(const std::string& path);

  /// Keeps the attributes of what is at `path`, which stays the same; of a file without its bytes.
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
  bool link(const changes::Place& file, BorrowedFd directory, const char* name);
  Result<void> mark_origin(const changes::Found& found, const std::string& path);
  bool has(const std::string& path);

  changes::View& before_;
  UniqueFd root_;
  layer::Prefix prefix_;
  const Target* target_ = nullptr;
  std::set<uint64_t> changing_;
  CopyOptions options_;
  FilledDirectories directories_;
  std::map<uint64_t, std::string> linked_;  ///< Copies of files of several names, by inode number.
};

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_KEPT_LAYER_H_
