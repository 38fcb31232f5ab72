// SPDX-License-Identifier: MIT
//
// The layers are opened by their paths, since the union's own descriptors of lowers may be
// write-protected.

#include "overlay/freeze/taken_names.h"

#include <fcntl.h>

#include <map>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

/// The text up to the next zero byte; nothing if there is none.
std::optional<std::string> take_text(std::string_view& left) {
  const size_t end = left.find('\0');
  if (end == std::string_view::npos) return {};
  std::string text(left.substr(0, end));
  left.remove_prefix(end + 1);
  return text;
}

Result<UniqueFd> parent_of(BorrowedFd layer, const std::string& parent) {
  const std::string path = parent.empty() ? "." : parent;
  return sys::open_beneath(layer, path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace

Result<TakenNames> TakenNames::read(const std::string& path) {
  TakenNames taken;
  taken.directory_ = TRY(sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const UniqueFd file = TRY(sys::open_at(taken.directory_, "names", O_RDONLY | O_NOFOLLOW));
  const std::string text = TRY(sys::read_to_end(file));
  std::map<std::string, BorrowedFd> layers;
  for (std::string_view left = text; !left.empty();) {
    const auto root = take_text(left);
    const auto name = root ? take_text(left) : std::nullopt;
    if (!name || !root->starts_with('/') || name->empty()) return fail(EINVAL);
    if (!layers.contains(*root)) {
      taken.layers_.push_back(
          TRY(sys::open_path(root->c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW)));
      layers.emplace(*root, taken.layers_.back());
    }
    const size_t slash = name->rfind('/');
    const bool is_deep = slash != std::string::npos;
    taken.names_.push_back({.layer = layers.at(*root),
                            .parent = is_deep ? name->substr(0, slash) : "",
                            .name = is_deep ? name->substr(slash + 1) : *name});
  }
  return taken;
}

Result<void> TakenNames::take_one(size_t number) {
  Name& one = names_[number];
  const auto parent = parent_of(one.layer, one.parent);
  if (parent.failed_with(ENOENT)) return {};
  if (!parent) return fail(parent.error());
  const auto moved =
      sys::rename({*parent, one.name.c_str()}, {directory_, std::to_string(number).c_str()});
  one.is_taken = moved.has_value();
  return moved.failed_with(ENOENT) ? Result<void>() : moved;
}

Result<void> TakenNames::take() {
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto taken = take_one(i);
    if (taken) continue;
    log::warn("no layer is changed: '%s' cannot be taken out (errno %d)", names_[i].name.c_str(),
              to_int(taken.error()));
    put_back();
    return taken;
  }
  return {};
}

/// The last first: one may have been in another's directory.
void TakenNames::put_back() {
  for (size_t i = names_.size(); i-- > 0;) {
    Name& one = names_[i];
    if (!std::exchange(one.is_taken, false)) continue;
    const auto parent = parent_of(one.layer, one.parent);
    const auto moved =
        parent ? sys::rename({directory_, std::to_string(i).c_str()}, {*parent, one.name.c_str()})
               : Result<void>(fail(parent.error()));
    if (!moved) log::error("'%s' cannot be put back into its layer", one.name.c_str());
  }
}

}  // namespace overpass::overlay
