// SPDX-License-Identifier: MIT

#include "apply/drop.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
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

Result<bool> is_whiteout(sys::Place place) {
  const sys::Stat stat = TRY(sys::stat(place));
  if (layer::is_whiteout(stat)) return true;
  for (const layer::Prefix prefix : {layer::Prefix::Trusted, layer::Prefix::User}) {
    if (S_ISREG(stat.stx_mode) && TRY(layer::is_xwhiteout(place, stat, prefix))) return true;
  }
  return layer::is_whiteout_name(place.name);
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

/// Whether one of the components of `path` is there and does not merely lead on.
Result<bool> decides_on(BorrowedFd root, const std::string& path) {
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string above = path.substr(0, end);
    const auto parent = TRY(directory_of(root, above));
    if (!parent) return false;
    const std::string name(changes::name_of(above));
    if (sys::stat({*parent, layer::whiteout_name_of(name).c_str()})) return true;
    const auto stat = sys::stat({*parent, name.c_str()});
    if (is_nothing(stat)) return false;
    if (!stat) return fail(stat.error());
    if (!S_ISDIR(stat->stx_mode) || end == std::string::npos) return true;
    if (TRY(is_marked({*parent, name.c_str()}))) return true;
  }
  return false;
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

/// Whether all that the directory has goes. Whiteouts that hide nothing of what lies below all
/// layers go with it, and what they hide in others.
Result<bool> LayeredDrop::is_emptied(BorrowedFd root, const std::string& path, bool is_parent) {
  const UniqueFd directory = TRY(check::open_directory_below(root, path, O_RDONLY));
  std::set<std::string> hidden;
  for (const std::string& name : TRY(check::names_in(directory))) {
    const std::string below = check::joined(path, name);
    if (gone_.contains(below)) continue;
    if (is_parent || !is_new_(path) || !TRY(is_whiteout({directory, name.c_str()}))) return false;
    hidden.insert(below);
  }
  hidden_.merge(hidden);
  return true;
}

/// Adds what drop_name() would remove.
Result<void> LayeredDrop::note_name(BorrowedFd root, const std::string& path, bool is_parent) {
  const auto parent = TRY(directory_of(root, path));
  if (!parent || gone_.contains(path)) return {};
  const std::string name(changes::name_of(path));
  const std::string whiteout = layer::whiteout_name_of(name);
  if (!is_parent && sys::stat({*parent, whiteout.c_str()})) {
    gone_.insert(check::joined(changes::parent_of(path), whiteout));
    hidden_.insert(path);
  }
  const sys::Place place = {*parent, name.c_str()};
  const auto stat = sys::stat(place);
  if (!stat) return is_nothing(stat) ? Result<void>() : fail(stat.error());
  const bool is_directory = S_ISDIR(stat->stx_mode);
  const bool hides_others = !is_directory || TRY(is_marked(place));
  if (is_directory) {
    if (is_parent && hides_others) return {};
    if (!TRY(is_emptied(root, path, is_parent))) return {};
  }
  gone_.insert(path);
  if (hides_others) hidden_.insert(path);
  return {};
}

Result<void> LayeredDrop::note_tree(BorrowedFd root, const std::string& path) {
  const auto parent = TRY(directory_of(root, path));
  const std::string name(changes::name_of(path));
  if (parent && sys::stat({*parent, name.c_str()})) gone_.insert(path);
  return {};
}

Result<std::vector<std::string>> LayeredDrop::names_in(BorrowedFd root) {
  gone_.clear();
  // A copy: the layers below learn of more.
  for (const std::string& path : std::set<std::string>(hidden_)) TRY(note_tree(root, path));
  for (const std::string& path : dropped_.trees) TRY(note_tree(root, path));
  // What is below a directory stands before it.
  for (const std::string& path : dropped_.names) TRY(note_name(root, path, false));
  for (const std::string& path : dropped_.parents) TRY(note_name(root, path, true));
  std::vector<std::string> topmost;
  for (const std::string& path : gone_) {
    std::string_view above = changes::parent_of(path);
    while (!above.empty() && !gone_.contains(std::string(above))) above = changes::parent_of(above);
    if (above.empty()) topmost.push_back(path);
  }
  return topmost;
}

Result<void> remove_names(BorrowedFd root, const std::vector<std::string>& names) {
  for (const std::string& path : names) TRY(drop_tree(root, path));
  return {};
}

Result<bool> decides_on(BorrowedFd root, const Dropped& dropped) {
  for (const std::vector<std::string>* paths : {&dropped.trees, &dropped.names}) {
    for (const std::string& path : *paths) {
      if (TRY(decides_on(root, path))) return true;
    }
  }
  return false;
}

}  // namespace overpass::apply
