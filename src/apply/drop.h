// SPDX-License-Identifier: MIT
//
// Takes changes out of an upper or a frozen layer of a sandbox.

#ifndef OVERPASS_APPLY_DROP_H_
#define OVERPASS_APPLY_DROP_H_

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "apply/plan.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::apply {

/// Removes them from the upper at `root`. A directory that still holds something stays. What is not
/// there any more is passed over. `work` is the workdir: entries of its index that stand for
/// nothing else go as well.
/// REQUIRES: no daemon serves it.
Result<void> drop(BorrowedFd root, BorrowedFd work, const Dropped& dropped);

/// Takes `dropped` out of several layers that lie one over the other: they are asked one after the
/// other, the topmost first.
class LayeredDrop {
 public:
  /// `is_new`: whether what lies below all these layers shows no directory at a path, so that
  /// whiteouts in there hide nothing of it.
  LayeredDrop(const Dropped& dropped, std::function<bool(const std::string& path)> is_new)
      : dropped_(dropped), is_new_(std::move(is_new)) {}

  /// The names of the next layer, whose root is `root`, that have to go, each with all that is
  /// below it: none lies below another. What a name has hidden in the layers below goes there.
  Result<std::vector<std::string>> names_in(BorrowedFd root);

 private:
  Result<void> note_name(BorrowedFd root, const std::string& path, bool is_parent);
  Result<bool> is_emptied(BorrowedFd root, const std::string& path, bool is_parent);
  Result<void> note_tree(BorrowedFd root, const std::string& path);

  const Dropped& dropped_;
  std::function<bool(const std::string& path)> is_new_;
  std::set<std::string> gone_;    ///< Of this layer.
  std::set<std::string> hidden_;  ///< What goes was hidden by what goes in a layer above.
};

/// Removes names that names_in() found from the layer at `root`.
Result<void> remove_names(BorrowedFd root, const std::vector<std::string>& names);

/// Whether the layer at `root` has something at one of the paths of `dropped`, or above it what
/// decides on them: a file or whiteout, an opaque or renamed directory.
Result<bool> decides_on(BorrowedFd root, const Dropped& dropped);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_DROP_H_
