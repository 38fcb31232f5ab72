// SPDX-License-Identifier: MIT
//
// A mark that sends the search elsewhere is read twice: by name, which is cheap and mostly says
// that there is none, and then by a descriptor of the object that was recognized.

#include "overlay/find/layer_reader.h"

#include <fcntl.h>

#include "layer/mark_values.h"
#include "layer/markers.h"
#include "overlay/find/locate.h"
#include "overlay/find/lower_location.h"
#include "overlay/find/warn_once.h"
#include "overlay/state/hidden_names.h"
#include "overlay/state/overlay.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::overlay {

std::unexpected<Errno> refuse(const SearchedName& searched, const char* what, int errno_value) {
  warn_once(searched.directory, searched.name, what);
  return fail(errno_value);
}

Result<UniqueFd> object_at(sys::Place place, const sys::Stat& stat) {
  UniqueFd object = TRY(sys::open_at(place.fd, place.name, O_PATH));
  const sys::Stat now = TRY(sys::stat(sys::place_of(object)));
  if (identity_of(now) != identity_of(stat)) return fail(ESTALE);
  return object;
}

LayerReader::LayerReader(const SearchedName& searched, layer::LayerIndex layer, bool begins_at_root)
    : searched_(searched), layer_(layer), begins_at_root_(begins_at_root) {
  if (begins_at_root) parent_ = searched.overlay.roots[layer];
}

const layer::Layer& LayerReader::the_layer() const {
  return searched_.overlay.stack.layers[layer_];
}

/// The marks of an upper that began empty are known.
bool LayerReader::may_hold(bool this_mount_writes_it) const {
  const bool is_written = layer_ == layer::kUpper || the_layer().was_upper;
  return the_layer().foreign_marks || (is_written && this_mount_writes_it);
}

const HiddenName* LayerReader::find_what_hides(std::string_view name) {
  if (!begins_at_root_) {
    const HiddenName* hidden = find_hidden(*searched_.directory.directory, layer_, name);
    return hidden != nullptr ? hidden : find_pinned_in_directory(name);
  }
  if (!walked_.empty()) walked_ += '/';
  walked_ += name;
  if (const HiddenName* hidden = find_hidden_path(searched_.overlay, layer_, walked_)) {
    return hidden;
  }
  const HiddenName* pinned = find_pinned(searched_.overlay, layer_, walked_);
  return pinned != nullptr && pinned->rest == walked_ ? pinned : nullptr;
}

const HiddenName* LayerReader::find_pinned_in_directory(std::string_view name) {
  if (searched_.overlay.pinned.empty()) return nullptr;
  std::string path = layer_path_of(searched_.directory, layer_);
  path.append("/").append(name).erase(0, 1);
  const HiddenName* pinned = find_pinned(searched_.overlay, layer_, path);
  return pinned != nullptr && pinned->rest == path ? pinned : nullptr;
}

Result<LayerReader::Presence> LayerReader::go_to(std::string_view name) {
  name_ = name;
  if (const HiddenName* hidden = find_what_hides(name)) {
    if (hidden->beneath == nullptr) return Presence::NotShown;
    parent_ = hidden->beneath;
    name_.clear();
  } else if (!begins_at_root_) {
    parent_ = TRY(directory_fd(searched_.overlay, searched_.directory, layer_));
  }
  auto stat = stat_with_kept_mode(place());
  if (stat.failed_with(ENAMETOOLONG)) return Presence::TooLong;
  if (stat.failed_with(ENOENT)) return Presence::Absent;
  stat_ = TRY(std::move(stat));
  if (layer_ == layer::kUpper) readable_.emplace(place(), stat_);
  return Presence::Present;
}

Result<void> LayerReader::enter() {
  if (name_.empty()) return {};  // `parent_` is the directory.
  walked_parent_ = TRY(sys::open_at(place().fd, name_.c_str(), O_PATH | O_DIRECTORY));
  parent_.reset();
  return {};
}

Result<bool> LayerReader::has_whiteout_file() {
  if (!the_layer().foreign_marks) return false;
  const std::string whiteout = layer::whiteout_name_of(name_);
  const auto file = sys::stat({place().fd, whiteout.c_str()});
  if (file) return true;
  if (file.failed_with(ENOENT) || file.failed_with(ENAMETOOLONG)) return false;
  return fail(file.error());
}

Result<bool> LayerReader::is_whiteout() {
  return layer::hides(place(), stat_, searched_.overlay.stack.prefix, the_layer().foreign_marks);
}

Result<bool> LayerReader::is_opaque() {
  const layer::Prefix prefix = searched_.overlay.stack.prefix;
  const auto opacity = TRY(layer::opacity_of(place(), prefix, the_layer().foreign_marks));
  return opacity == layer::Opacity::Opaque;
}

Result<bool> LayerReader::is_metacopy() {
  if (!may_hold(searched_.overlay.stack.format.writes_metacopy)) return false;
  const layer::Prefix prefix = searched_.overlay.stack.prefix;
  if (!TRY(layer::mark_size(place(), layer::Mark::Metacopy, prefix))) return false;
  metacopy_ = TRY(object_at(place(), stat_));
  const auto size = TRY(layer::mark_size(sys::place_of(metacopy_), layer::Mark::Metacopy, prefix));
  if (size && !layer::may_be_metacopy(*size)) {
    return refuse(searched_, "its metacopy mark is garbled", EIO);
  }
  return size.has_value();
}

Result<std::optional<layer::Redirect>> LayerReader::redirect() {
  if (!may_hold(searched_.overlay.stack.format.writes_redirects)) return std::nullopt;
  const char* mark = layer::name_of(layer::Mark::Redirect, searched_.overlay.stack.prefix);
  const auto seen = sys::get_xattr(place(), mark);
  if (seen.failed_with(ENODATA) || seen.failed_with(EOPNOTSUPP)) return std::nullopt;
  if (!seen) return fail(seen.error());
  const UniqueFd object = TRY(object_at(place(), stat_));
  auto redirect = layer::decode_redirect(TRY(sys::get_xattr(sys::place_of(object), mark)));
  if (!redirect) return refuse(searched_, "its redirect mark is garbled", EIO);
  return redirect;
}

}  // namespace overpass::overlay
