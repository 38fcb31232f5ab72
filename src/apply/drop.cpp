// SPDX-License-Identifier: MIT

#include "apply/drop.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <set>

#include "changes/view.h"
#include "check/tree.h"
#include "layer/markers.h"
#include "layer/remove_tree.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::apply {

namespace {

bool is_nothing(const auto& result) {
  return result.failed_with(ENOENT) || result.failed_with(ENOTDIR);
}

/// The directory of the upper that has `path`; nothing if it is not there any more.
Result<std::optional<UniqueFd>> directory_of(BorrowedFd root, const std::string& path) {
  const std::string above = "./" + std::string(changes::parent_of(path));
  auto parent = sys::open_beneath(root, above.c_str(), O_RDONLY | O_DIRECTORY);
  if (is_nothing(parent)) return std::optional<UniqueFd>();
  if (!parent) return fail(parent.error());
  return std::optional(std::move(*parent));
}

/// Whether the directory says more than its entries do.
Result<bool> is_marked(sys::Place directory) {
  for (const layer::Prefix prefix : {layer::Prefix::Trusted, layer::Prefix::User}) {
    const auto opacity = TRY(layer::opacity_of(directory, prefix, true));
    if (opacity == layer::Opacity::Opaque) return true;
    if (TRY(layer::has_mark(directory, layer::Mark::Redirect, prefix))) return true;
  }
  return false;
}

/// Removes one name. The inode number of a file that has other names is added to `linked`.
Result<void> drop_name(BorrowedFd root, const std::string& path, bool is_parent,
                       std::set<uint64_t>& linked) {
  const auto parent = TRY(directory_of(root, path));
  if (!parent) return {};
  const std::string name(changes::name_of(path));
  const std::string whiteout = layer::whiteout_name_of(name);
  if (!is_parent && sys::stat({*parent, whiteout.c_str()})) {
    TRY(sys::remove_file(*parent, whiteout.c_str()));
  }
  const auto stat = sys::stat({*parent, name.c_str()});
  if (!stat) return is_nothing(stat) ? Result<void>() : fail(stat.error());
  if (!S_ISDIR(stat->stx_mode)) {
    if (S_ISREG(stat->stx_mode) && stat->stx_nlink > 1) linked.insert(stat->stx_ino);
    return sys::remove_file(*parent, name.c_str());
  }
  if (is_parent && TRY(is_marked({*parent, name.c_str()}))) return {};
  const auto removed = sys::remove_directory(*parent, name.c_str());
  return removed.failed_with(ENOTEMPTY) || removed.failed_with(EEXIST) ? Result<void>() : removed;
}

Result<void> drop_tree(BorrowedFd root, const std::string& path) {
  const auto parent = TRY(directory_of(root, path));
  if (!parent) return {};
  const auto removed = layer::remove_tree(*parent, std::string(changes::name_of(path)).c_str());
  return removed.failed_with(ENOENT) ? Result<void>() : removed;
}

}  // namespace

Result<void> drop(BorrowedFd root, BorrowedFd work, const Dropped& dropped) {
  std::set<uint64_t> linked;
  for (const std::string& path : dropped.names) TRY(drop_name(root, path, false, linked));
  for (const std::string& path : dropped.trees) TRY(drop_tree(root, path));
  for (const std::string& path : dropped.parents) TRY(drop_name(root, path, true, linked));
  if (linked.empty()) return {};
  const auto index = sys::open_at(work, "index", O_RDONLY | O_DIRECTORY);
  if (!index) return is_nothing(index) ? Result<void>() : fail(index.error());
  for (const std::string& name : TRY(check::names_in(*index))) {
    const auto stat = sys::stat({*index, name.c_str()});
    if (stat && stat->stx_nlink == 1 && linked.contains(stat->stx_ino)) {
      TRY(sys::remove_file(*index, name.c_str()));
    }
  }
  return {};
}

}  // namespace overpass::apply
