// SPDX-License-Identifier: MIT

#include "apply/drop.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>

#include "changes/view.h"
#include "check/tree.h"
#include "layer/markers.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::apply {

namespace {

bool is_nothing(const auto& result) {
  return result.failed_with(ENOENT) || result.failed_with(ENOTDIR);
}

/// Removes one name. The inode number of a file that has other names is added to `linked`.
Result<void> drop_one(BorrowedFd root, const std::string& path, std::set<uint64_t>& linked) {
  const std::string above = "./" + std::string(changes::parent_of(path));
  const auto parent = sys::open_beneath(root, above.c_str(), O_PATH | O_DIRECTORY);
  if (is_nothing(parent)) return {};
  if (!parent) return fail(parent.error());
  const std::string name(changes::name_of(path));
  const std::string whiteout = layer::whiteout_name_of(name);
  if (sys::stat({*parent, whiteout.c_str()})) {
    TRY(sys::remove_file(*parent, whiteout.c_str()));
  }
  const auto stat = sys::stat({*parent, name.c_str()});
  if (is_nothing(stat)) return {};
  if (!S_ISDIR(TRY(stat).stx_mode)) {
    if (S_ISREG(stat->stx_mode) && stat->stx_nlink > 1) linked.insert(stat->stx_ino);
    return sys::remove_file(*parent, name.c_str());
  }
  const auto removed = sys::remove_directory(*parent, name.c_str());
  return removed.failed_with(ENOTEMPTY) || removed.failed_with(EEXIST) ? Result<void>() : removed;
}

}  // namespace

Result<void> drop(BorrowedFd root, BorrowedFd work, const std::vector<std::string>& paths) {
  std::set<uint64_t> linked;
  for (const std::string& path : paths) TRY(drop_one(root, path, linked));
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
