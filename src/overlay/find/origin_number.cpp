// SPDX-License-Identifier: MIT
//
// The mark is read once per directory and then remembered.

#include "overlay/find/origin_number.h"

#include "layer/markers.h"
#include "layer/origin.h"
#include "overlay/find/locate.h"
#include "overlay/state/overlay.h"
#include "sys/directory_stream.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

constexpr char kImpure[] = "y";

/// The lower file of this name, if it is the origin: needs no privilege.
std::optional<sys::Stat> origin_by_name(Overlay& overlay, Inode& directory, const char* name,
                                        const layer::Origin& origin) {
  for (const layer::LayerIndex layer : directory.directory->lowers) {
    auto fd = directory_fd(overlay, directory, layer);
    if (!fd) continue;
    const sys::Place place = {(*fd)->fd, name};
    auto handle = sys::file_handle(place);
    if (!handle || *handle != origin.handle) continue;
    if (!layer::may_be_of(overlay.stack.layers[layer], origin)) continue;
    if (auto stat = sys::stat(place)) return *stat;
  }
  return {};
}

/// Whether something in the upper directory `upper` has an origin.
Result<bool> holds_origin(const Overlay& overlay, BorrowedFd upper) {
  const UniqueFd fd = TRY(sys::open_for_listing(upper));
  sys::DirectoryStream stream(fd);
  while (const auto entry = TRY(stream.next())) {
    if (entry->name == "." || entry->name == "..") continue;
    const sys::Place place = {fd, entry->name.data()};
    if (TRY(layer::has_mark(place, layer::Mark::Origin, overlay.stack.prefix))) return true;
  }
  return false;
}

}  // namespace

bool is_impure(Overlay& overlay, Inode& directory, BorrowedFd upper) {
  std::atomic<Impurity>& known = directory.directory->impurity;
  if (known == Impurity::Unknown) {
    const char* mark = layer::name_of(layer::Mark::Impure, overlay.stack.prefix);
    auto value = sys::get_xattr(sys::place_of(upper), mark);
    // Any other failure says nothing, and is not remembered.
    if (!value && !value.failed_with(ENODATA) && !value.failed_with(EOPNOTSUPP)) return false;
    known = value ? Impurity::Impure : Impurity::Pure;
  }
  return known == Impurity::Impure;
}

Result<void> mark_impure(Overlay& overlay, Inode& directory, BorrowedFd upper) {
  if (is_impure(overlay, directory, upper)) return {};
  const char* mark = layer::name_of(layer::Mark::Impure, overlay.stack.prefix);
  auto marked = sys::set_xattr(sys::place_of(upper), mark, kImpure);
  if (marked) directory.directory->impurity = Impurity::Impure;
  return marked.failed_with(EOPNOTSUPP) ? Result<void>() : marked;
}

void drop_impure(Overlay& overlay, const InodeRef& directory, uint64_t version) {
  const auto upper = directory_fd(overlay, *directory, layer::kUpper);
  if (!upper) return;
  const auto found = holds_origin(overlay, (*upper)->fd);
  if (!found || *found) return;
  // Every operation that brings an origin here holds the names exclusively, from the mark on.
  Lock names(directory->directory->names);
  if (directory->directory->version != version) return;
  const char* mark = layer::name_of(layer::Mark::Impure, overlay.stack.prefix);
  if (sys::remove_xattr(sys::place_of((*upper)->fd), mark)) {
    directory->directory->impurity = Impurity::Pure;
  }
}

Result<void> record_origin(Overlay& overlay, layer::LayerIndex layer, sys::Place from,
                           sys::Place copy) {
  const std::string value = TRY(layer::encode_origin(overlay.stack.layers[layer], from));
  auto recorded =
      sys::set_xattr(copy, layer::name_of(layer::Mark::Origin, overlay.stack.prefix), value);
  // In the user namespace only regular files and directories take attributes.
  const bool is_refused = recorded.failed_with(EPERM) || recorded.failed_with(EOPNOTSUPP);
  return is_refused ? Result<void>() : recorded;
}

FileKey number_source(Overlay& overlay, Inode& directory, sys::Place place, const sys::Stat& stat,
                      bool is_indexed) {
  const FileKey own = {sys::device_of(stat), stat.stx_ino};
  if (!is_impure(overlay, directory, place.fd)) return own;
  const char* mark = layer::name_of(layer::Mark::Origin, overlay.stack.prefix);
  const auto value = sys::get_xattr(place, mark);
  if (!value) return own;
  const auto origin = layer::decode_origin(*value);
  if (!origin) return own;
  auto found = origin_by_name(overlay, directory, place.name, *origin);
  for (layer::LayerIndex i = 1; !found && i < overlay.stack.size(); ++i) {
    found = layer::find_origin(overlay.stack.layers[i], overlay.roots[i]->fd, *origin);
  }
  // Without the index one of several links of a lower is a file of its own once it is copied up.
  if (!found || (found->stx_nlink > 1 && !is_indexed)) return own;
  return {sys::device_of(*found), found->stx_ino};
}

}  // namespace overpass::overlay
