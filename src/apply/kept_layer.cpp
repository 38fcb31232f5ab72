// SPDX-License-Identifier: MIT

#include "apply/kept_layer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "apply/plain.h"
#include "check/tree.h"
#include "layer/mark_values.h"
#include "layer/markers.h"
#include "layer/origin.h"
#include "sys/attributes.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::apply {

namespace {

using changes::Found;
using changes::name_of;
using changes::parent_of;
using check::joined;

}  // namespace

KeptLayer::KeptLayer(changes::View& before, UniqueFd root, layer::Prefix prefix)
    : before_(before), root_(std::move(root)), prefix_(prefix), directories_(root_) {
  options_.stored_name = [prefix](const std::string& shown) {
    return layer::stored_xattr_name(shown, prefix);
  };
}

Result<UniqueFd> KeptLayer::open(const std::string& path) {
  const std::string name = path.empty() ? "." : path;
  return sys::open_beneath(root_, name.c_str(), O_RDONLY | O_DIRECTORY);
}

bool KeptLayer::has(const std::string& path) {
  const auto parent = open(std::string(parent_of(path)));
  return parent && sys::stat({*parent, std::string(name_of(path)).c_str()});
}

/// The directory of the layer at `path`, made together with those above it if they are missing.
Result<UniqueFd> KeptLayer::directory(const std::string& path) {
  auto opened = open(path);
  if (!opened.failed_with(ENOENT)) return opened;
  const UniqueFd parent = TRY(directory(std::string(parent_of(path))));
  const Found found = TRY(before_.find(path));
  if (found.directories.empty()) return fail(ENOTDIR);
  TRY(copy_object(before_, found, parent, std::string(name_of(path)).c_str(), options_));
  TRY(directories_.add(path));
  return open(path);
}

/// Gives the file itself a name in the layer. False where that cannot be, or would mean something
/// else there.
bool KeptLayer::link(const changes::Place& file, BorrowedFd directory, const char* name) {
  if (target_ == nullptr || changing_.contains(file.stat.stx_ino)) return false;
  const auto parent = target_->directory(parent_of(file.path));
  if (!parent) return false;
  const std::string own_name(name_of(file.path));
  const sys::Place place = {*parent, own_name.c_str()};
  const auto now = sys::stat(place);
  const auto marks = has_marks(place);
  if (!now || now->stx_ino != file.stat.stx_ino || !marks || *marks) return false;
  return sys::make_link(place, directory, name).has_value();
}

Result<void> KeptLayer::copy(const Found& found, const std::string& path) {
  const sys::Stat& stat = found.top().stat;
  if (layer::is_whiteout(stat)) return fail(EOPNOTSUPP);
  const UniqueFd parent = TRY(directory(std::string(parent_of(path))));
  const std::string name(name_of(path));
  if (found.file && link(*found.file, parent, name.c_str())) return {};
  const bool has_links = found.file && stat.stx_nlink > 1;
  const auto known = has_links ? linked_.find(stat.stx_ino) : linked_.end();
  if (known != linked_.end()) {
    const UniqueFd other = TRY(open(std::string(parent_of(known->second))));
    const std::string other_name(name_of(known->second));
    return sys::make_link({other, other_name.c_str()}, parent, name.c_str());
  }
  TRY(copy_object(before_, found, parent, name.c_str(), options_));
  if (has_links) linked_.emplace(stat.stx_ino, path);
  return found.file ? Result<void>() : directories_.add(path);
}

Result<void> KeptLayer::keep(const std::string& path, const std::vector<std::string>& moved) {
  const Found top = TRY(before_.find(path));
  if (top.is_nothing()) return fail(ENOENT);
  if (top.file) return copy(top, path);
  std::vector<std::pair<std::string, Found>> pending;
  pending.emplace_back(path, top);
  while (!pending.empty()) {
    const auto [at, found] = std::move(pending.back());
    pending.pop_back();
    // What was moved out of it may have made it already.
    if (!has(at)) TRY(copy(found, at));
    if (found.directories.empty()) continue;
    for (const std::string& name : TRY(before_.names_of(found.directories))) {
      const std::string below = joined(at, name);
      if (std::ranges::count(moved, below) > 0) continue;
      pending.emplace_back(below, TRY(before_.look_up(found.directories, name)));
    }
  }
  // What comes to be at the same place afterwards does not show through.
  const UniqueFd parent = TRY(directory(std::string(parent_of(path))));
  return layer::set_opaque({parent, std::string(name_of(path)).c_str()}, prefix_);
}

/// Says that the file is the one at the same place, with all names that this has.
Result<void> KeptLayer::mark_origin(const Found& found, const std::string& path) {
  if (!S_ISREG(found.file->stat.stx_mode)) return {};
  const changes::Place& file = *found.file;
  const BorrowedFd directory = TRY(before_.directory(file.layer, parent_of(file.path)));
  const std::string own_name(name_of(file.path));
  const std::string origin =
      TRY(layer::encode_origin(before_.layers().layers[file.layer], {directory, own_name.c_str()}));
  const UniqueFd parent = TRY(open(std::string(parent_of(path))));
  const std::string name(name_of(path));
  const char* mark = layer::name_of(layer::Mark::Origin, prefix_);
  const sys::Place place = {parent, name.c_str()};
  // An ordinary user needs permission to write.
  const mode_t mode = file.stat.stx_mode & 07777;
  const bool is_writable = (mode & S_IWUSR) != 0;
  if (!is_writable) TRY(sys::change_mode(place, mode | S_IWUSR));
  TRY(sys::set_xattr(place, mark, origin));
  return is_writable ? Result<void>() : sys::change_mode(place, mode);
}

Result<void> KeptLayer::keep_content(const std::string& path) {
  const Found found = TRY(before_.find(path));
  if (!found.file) return fail(ENOENT);
  TRY(copy(found, path));
  return mark_origin(found, path);
}

Result<void> KeptLayer::keep_attributes(const std::string& path) {
  const Found found = TRY(before_.find(path));
  if (found.is_nothing()) return fail(ENOENT);
  if (!found.directories.empty()) {
    (void)TRY(directory(path));
    return {};
  }
  if (!S_ISREG(found.file->stat.stx_mode)) return copy(found, path);
  // Its other names may be kept, too, and be names of the same file.
  if (found.file->stat.stx_nlink > 1) return keep_content(path);
  const UniqueFd parent = TRY(directory(std::string(parent_of(path))));
  const UniqueFd file = TRY(
      sys::open_at(parent, std::string(name_of(path)).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
  TRY(sys::change_size_of_open(file, static_cast<off_t>(found.file->stat.stx_size)));
  if (found.file->stat.stx_size > 0) {
    const char* mark = layer::name_of(layer::Mark::Metacopy, prefix_);
    TRY(sys::set_xattr(sys::place_of(file), mark, layer::encode_metacopy({})));
  }
  TRY(copy_attributes(before_, found, file, options_));
  return mark_origin(found, path);
}

Result<void> KeptLayer::keep_absence(const std::string& path) {
  const UniqueFd parent = TRY(directory(std::string(parent_of(path))));
  // There may be what was deleted there before something else came to that place.
  auto made = sys::make_node(parent, std::string(name_of(path)).c_str(), S_IFCHR, 0);
  return made.failed_with(EEXIST) ? Result<void>() : made;
}

Result<void> KeptLayer::keep_move(const std::string& path, const std::string& new_path) {
  (void)TRY(directory(path));
  const UniqueFd parent = TRY(directory(std::string(parent_of(path))));
  const std::string name(name_of(path));
  const char* mark = layer::name_of(layer::Mark::Redirect, prefix_);
  return sys::set_xattr({parent, name.c_str()}, mark, "/" + new_path);
}

}  // namespace overpass::apply
